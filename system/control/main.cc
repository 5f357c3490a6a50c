// penumbra: runs what its command line asks for, on this host's kernel.
#include "system/control/program.h"

int main(int argc, char** argv) {
    vmm::SystemIoctlDoor door;
    return vmm::run_program({argv, static_cast<size_t>(argc)}, {door});
}
