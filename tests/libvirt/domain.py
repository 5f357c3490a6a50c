"""A domain of a test: its XML comes from domains/NAME.xml, the very text that docs/libvirt.md shows; only the emulator's path and the
domain's name are put in."""
import json
import os
import re
import shutil
import threading

from world import Failure, eventually

HERE = os.path.dirname(os.path.abspath(__file__))
EMULATOR = '/usr/local/bin/penumbra'  # as the examples have it
IMAGES = '/var/lib/libvirt/images'
serial_number = iter(range(1, 1 << 20))
number_lock = threading.Lock()


def example(name):
    with open(f'{HERE}/domains/{name}.xml', encoding='utf-8') as file:
        return file.read()


class Domain:
    """Defined on entry of the `with` block and gone after it."""

    def __init__(self, world, xml_name, *changes, define=True, start=True):
        """changes: (old, new) pairs of text; each old one must be there."""
        with number_lock:
            number = next(serial_number)
        self.world, self.name, self.define_it, self.start_it = world, f'd{number}-{xml_name}', define, define and start
        text = example(xml_name) if not xml_name.startswith('<') else xml_name
        for old, new in changes:
            if old not in text:
                raise Failure(f'{xml_name}.xml has no "{old}"')
            text = text.replace(old, new)
        text = re.sub(r'<name>.*?</name>', f'<name>{self.name}</name>', text)
        text = text.replace(EMULATOR, world.binary)
        self.images = f'{IMAGES}/{self.name}'
        self.path = f'{self.images}/domain.xml'
        self.xml = text.replace(f'{IMAGES}/', f'{self.images}/')

    def __enter__(self):
        self.make_images()
        with open(self.path, 'w', encoding='utf-8') as file:
            file.write(self.xml)
        if self.define_it:
            self.world.virsh('define', self.path)
        if self.start_it:
            self.start()
        return self

    def __exit__(self, *_):
        self.world.virsh('destroy', self.name, check=False)
        self.world.virsh('undefine', self.name, '--nvram', '--snapshots-metadata', '--managed-save', check=False)
        shutil.rmtree(self.images, ignore_errors=True)

    def make_images(self):
        """The first disk boots the guest of the tests, the others are empty; all that the XML names and that is not there."""
        os.makedirs(self.images, exist_ok=True)
        for at, path in enumerate(dict.fromkeys(re.findall(rf"'({re.escape(self.images)}/[^']*\.(?:raw|qcow2|iso))'", self.xml))):
            self.make_image(path, bootable=at == 0 and self.world.guest is not None)

    def make_image(self, path, bootable=False):
        if path.endswith('.qcow2'):
            import subprocess
            source = ['-b', self.world.guest, '-F', 'raw'] if bootable else []
            subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', *source, path, '16M'], check=True)
        else:
            if bootable:
                shutil.copyfile(self.world.guest, path)
            with open(path, 'ab') as file:
                file.truncate(16 << 20)

    # virsh, with the domain's name after the verb
    def virsh(self, verb, *words, **options):
        return self.world.virsh(verb, self.name, *words, **options)

    def say(self, verb, *words, **options):
        return self.virsh(verb, *words, **options)[1]

    def refused(self, text, verb, *words, **options):
        return self.world.refused(text, verb, self.name, *words, **options)

    def start(self, *words):
        status, output = self.virsh('start', *words, check=False)
        if status != 0:
            raise Failure(f'{self.name} does not start: {output}\n{self.log()}')

    def log(self, size=3000):
        try:
            with open(f'/var/log/libvirt/qemu/{self.name}.log', encoding='utf-8', errors='replace') as file:
                return file.read()[-size:]
        except OSError:
            return ''

    def state(self):
        return self.say('domstate')

    def reason(self):
        return self.say('domstate', '--reason')

    def wait_state(self, wanted, timeout=20):
        eventually(f'{self.name} is {wanted}, not {self.state()}', lambda: self.state() == wanted, timeout * self.world.patience)

    def expect_state(self, wanted):
        state = self.state()
        if state != wanted:
            raise Failure(f'{self.name} is {state}, not {wanted}\n{self.log()}')

    def live_xml(self):
        return self.say('dumpxml')

    def monitor(self, command, **arguments):
        """What a QMP command returns, through libvirt."""
        request = {'execute': command}
        if arguments:
            request['arguments'] = {key.replace('_', '-'): value for key, value in arguments.items()}
        reply = json.loads(self.say('qemu-monitor-command', json.dumps(request)))
        if 'error' in reply:
            raise Failure(f"{command}: {reply['error']}")
        return reply['return']

    def pid(self):
        with open(f'/run/libvirt/qemu/{self.name}.pid', encoding='utf-8') as file:
            return int(file.read())

    def command_line(self):
        with open(f'/proc/{self.pid()}/cmdline', encoding='utf-8') as file:
            return file.read().split('\0')[:-1]
