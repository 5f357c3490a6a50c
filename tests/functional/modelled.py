"""What tests on penumbra_modelled share: command lines of every kind of protected guest, a run of one on the model of the kernel, and what it noted."""
import base64
import dataclasses
import os
import pathlib
import subprocess
import tempfile

VECTORS = pathlib.Path(__file__).resolve().parent.parent / 'vectors'
IGVM = pathlib.Path(__file__).resolve().parent.parent / 'golden' / 'confidential' / 'snp.igvm'
FIRMWARE = VECTORS / 'fw-give-64k.fd'
SEV_COMMANDS = {0: 'KVM_SEV_INIT', 1: 'KVM_SEV_ES_INIT', 2: 'KVM_SEV_LAUNCH_START', 3: 'KVM_SEV_LAUNCH_UPDATE_DATA', 4: 'KVM_SEV_LAUNCH_UPDATE_VMSA', 5: 'KVM_SEV_LAUNCH_SECRET',
                6: 'KVM_SEV_LAUNCH_MEASURE', 7: 'KVM_SEV_LAUNCH_FINISH', 8: 'KVM_SEV_GUEST_STATUS', 22: 'KVM_SEV_INIT2', 100: 'KVM_SEV_SNP_LAUNCH_START',
                101: 'KVM_SEV_SNP_LAUNCH_UPDATE', 102: 'KVM_SEV_SNP_LAUNCH_FINISH', 103: 'KVM_SEV_SNP_ENABLE_REQ_CERTS'}
TDX_COMMANDS = ['KVM_TDX_CAPABILITIES', 'KVM_TDX_INIT_VM', 'KVM_TDX_INIT_VCPU', 'KVM_TDX_INIT_MEM_REGION', 'KVM_TDX_FINALIZE_VM', 'KVM_TDX_GET_CPUID']
# By the low 16 bits of the request.
REQUESTS = {0x0000: 'open', 0xae00: 'KVM_GET_API_VERSION', 0xae01: 'KVM_CREATE_VM', 0xae03: 'KVM_CHECK_EXTENSION', 0xae04: 'KVM_GET_VCPU_MMAP_SIZE',
            0xae41: 'KVM_CREATE_VCPU', 0xae46: 'KVM_SET_USER_MEMORY_REGION', 0xae47: 'KVM_SET_TSS_ADDR', 0xae48: 'KVM_SET_IDENTITY_MAP_ADDR',
            0xae49: 'KVM_SET_USER_MEMORY_REGION2', 0xae60: 'KVM_CREATE_IRQCHIP', 0xae6a: 'KVM_SET_GSI_ROUTING', 0xae76: 'KVM_IRQFD', 0xae77: 'KVM_CREATE_PIT2',
            0xae79: 'KVM_IOEVENTFD', 0xae82: 'KVM_SET_REGS', 0xae84: 'KVM_SET_SREGS', 0xae88: 'KVM_GET_MSRS', 0xae89: 'KVM_SET_MSRS', 0xae90: 'KVM_SET_CPUID2',
            0xae81: 'KVM_GET_REGS', 0xae91: 'KVM_GET_CPUID2', 0xae9c: 'KVM_X86_SETUP_MCE', 0xaea2: 'KVM_SET_TSC_KHZ', 0xaea3: 'KVM_ENABLE_CAP',
            0xaeba: 'KVM_MEMORY_ENCRYPT_OP', 0xaebb: 'KVM_MEMORY_ENCRYPT_REG_REGION', 0xaed2: 'KVM_SET_MEMORY_ATTRIBUTES', 0xaed4: 'KVM_CREATE_GUEST_MEMFD',
            0xaee2: 'KVM_GET_DEVICE_ATTR', 0x5300: 'SEV_ISSUE_CMD'}
PLATFORM_COMMANDS = {1: 'SEV_PLATFORM_STATUS'}


@dataclasses.dataclass
class Scene:
    name: str
    kind: str  # of what protects it
    words: tuple
    model: tuple = ()

    def machine(self):
        firmware = () if any('igvm-cfg' in word for word in self.words) else ('-bios', str(FIRMWARE))
        cpu = 'host' if self.kind.startswith('tdx') else 'EPYC-v4'
        igvm = ',igvm-cfg=file0' if not firmware else ''
        return ['-machine', 'q35,confidential-guest-support=cc0' + igvm, '-object', self.kind, '-nodefaults', '-display', 'none', '-m', '128', '-cpu', cpu, *firmware, *self.words]

    def argv(self, folder):
        return [*self.machine(), '-pidfile', f'{folder}/pid', '-qmp', f'unix:{folder}/qmp,server=on,wait=off']


@dataclasses.dataclass
class Call:
    number: int
    name: str
    answer: int

    def is_launch_command(self):
        return self.name.startswith(('KVM_SEV_', 'KVM_TDX_'))


@dataclasses.dataclass
class Notes:
    """What a run noted: the calls before the guest runs for the first time, before it does so again after a reset, ...; how often it ran; what was measured."""
    launches: list
    runs: int
    measured: str
    read: tuple = ()

    @property
    def calls(self):
        return self.launches[0]

    @staticmethod
    def read(path, kind):
        commands = TDX_COMMANDS if kind.startswith('tdx') else SEV_COMMANDS
        notes = Notes([[]], 0, '')
        for line in (path.read_text() if path.exists() else '').split('\n'):  # none of a process that crashed
            words = line.split()
            if line == 'run':
                notes.runs += 1
                notes.launches.append([])
            elif words and words[0] == 'read':
                notes.read = (words[1], int(words[2], 16).to_bytes(8, 'little'))
            elif len(words) == 2:
                notes.measured = line
            elif words:
                number, request, command, answer = int(words[0]), int(words[1], 16), int(words[2]), int(words[3])
                name = REQUESTS.get(request & 0xffff, hex(request))
                if name == 'KVM_MEMORY_ENCRYPT_OP':
                    name = commands[command]
                elif name == 'SEV_ISSUE_CMD':
                    name = PLATFORM_COMMANDS[command]
                notes.launches[-1].append(Call(number, name, answer))
        return notes


def encoded(size):
    """base64 of so many bytes."""
    return base64.b64encode(bytes(range(size))).decode()


def scenes(folder):
    sev, snp, tdx = 'sev-guest,id=cc0,reduced-phys-bits=1,cbitpos=51', 'sev-snp-guest,id=cc0,reduced-phys-bits=1,cbitpos=51', 'tdx-guest,id=cc0'
    kernel = ('-kernel', str(VECTORS / 'kernel-give.bin'), '-initrd', str(VECTORS / 'initrd-give.bin'), '-append', 'console=ttyS0')
    session, certificates = folder / 'session', folder / 'certificates'
    session.write_bytes(b'QUJD\n')
    certificates.write_bytes(bytes(4096))
    return [
        Scene('sev', sev + ',legacy-vm-type=on', ()),
        Scene('sev with a session', sev + f',dh-cert-file={session},session-file={session},kernel-hashes=on', kernel),
        Scene('sev-es', sev + ',policy=5,legacy-vm-type=on', ('-smp', '2')),
        Scene('sev-es of its own type', sev + ',policy=5,legacy-vm-type=off,debug-swap=on', ('-smp', '2')),
        Scene('sev-snp', snp + ',kernel-hashes=on', (*kernel, '-smp', '2')),
        Scene('sev-snp with everything', snp + f',certs-path={certificates},secure-tsc=on,tsc-frequency=2000000000,host-data={encoded(32)}', (), ('pages-at-once=3',)),
        Scene('sev-snp of an IGVM file', snp, ('-object', f'igvm-cfg,id=file0,file={IGVM}')),
        Scene('tdx', tdx, ('-smp', '2')),
        Scene('tdx with a kernel', tdx + ',debug=on,mrowner=' + encoded(48), kernel, ('pages-at-once=3',)),
    ]


class Run:
    """One process, from its start to its end. meet(folder, process), if given, is called while it runs."""

    def __init__(self, binary, scene, *model, words=(), meet=None):
        with tempfile.TemporaryDirectory(prefix='penumbra-launch.') as name:
            folder = pathlib.Path(name)
            notes = folder / 'notes'
            with subprocess.Popen([binary, f'notes={notes}', *scene.model, *model, '--', *scene.argv(folder), *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE) as process:
                try:
                    if meet is not None:
                        meet(folder, process)
                    said = process.communicate(timeout=60)[1].decode(errors='replace')
                finally:
                    process.kill()
            self.status, self.lines = process.returncode, said.strip().split('\n')
            self.notes = Notes.read(notes, scene.kind)
            self.left = sorted(set(os.listdir(folder)) - {'notes'})

    def well(self):
        return self.status == 0 and self.lines == [''] and not self.left

    def refused(self):
        """One line, status 1, nothing left; the guest never ran."""
        return self.status == 1 and len(self.lines) == 1 and self.lines[0].startswith('penumbra: ') and not self.left and self.notes.runs == 0

    def __str__(self):
        return f'status {self.status}, {self.lines}, left {self.left}, {self.notes.runs} runs, measured {self.notes.measured}'
