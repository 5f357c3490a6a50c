#!/usr/bin/env python3
"""Debian's SeaBIOS on the host's own KVM reaches the end of its boot order. usage: seabios.py PENUMBRA [test...]"""
import harness

BIOS = '/usr/share/seabios/bios-256k.bin'
END = 'No bootable device'


def boots(binary, *extra):
    argv = [binary, '-machine', 'q35', '-m', '512', '-bios', BIOS, '-display', 'none', '-nodefaults',
            '-chardev', 'stdio,id=debug', '-device', 'isa-debugcon,iobase=0x402,chardev=debug', *extra]
    with harness.Vmm(argv) as vmm:
        return vmm.wait_for(END, 120)


def in_kernel_irqchip(binary):
    out = boots(binary)
    if 'SeaBIOS (version' not in out:
        raise harness.Failure(f'no banner in {out}')


def split_irqchip(binary):
    boots(binary, '-machine', 'kernel_irqchip=split')


def two_processors(binary):
    out = boots(binary, '-smp', '2')
    if 'Found 2 cpu(s) max supported 2 cpu(s)' not in out:
        raise harness.Failure(f'SeaBIOS did not find two processors: {out[-1500:]}')


def as_in_the_series(binary):
    """The command line of the mailing-list series, with the console on stdio."""
    with harness.Vmm([binary, '-machine', 'q35', '-m', '512', '-bios', BIOS, '-nographic']) as vmm:
        vmm.wait_for('SeaBIOS', 120)
        vmm.wait_for(END, 120)


def ram_is_a_guest_memfd(binary):
    boots(binary, '-object', 'memory-backend-guest-memfd,id=mem0,size=512M', '-machine', 'memory-backend=mem0')


def ram_is_a_memfd_that_is_a_guest_memfd(binary):
    boots(binary, '-object', 'memory-backend-memfd,id=mem0,size=512M,guest-memfd=on,share=on', '-machine', 'memory-backend=mem0')


if __name__ == '__main__':
    harness.need_kvm()
    harness.need_file(BIOS, 'seabios')
    tests = [in_kernel_irqchip, split_irqchip, two_processors, as_in_the_series]
    if harness.has_mappable_guest_memfd():
        tests += [ram_is_a_guest_memfd, ram_is_a_memfd_that_is_a_guest_memfd]
    else:
        print('SKIPPED: RAM that is a guest_memfd: this kernel cannot map one')
    harness.main(tests)
