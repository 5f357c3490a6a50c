"""What libvirt tells of its domains while something is done: virsh event, running beside it."""
import os
import subprocess
import tempfile

from world import URI, eventually


class Events:
    """`with Events() as events:` hears of every domain, or of one."""

    def __init__(self, domain=None):
        self.words = ['--domain', domain] if domain else []

    def __enter__(self):
        self.log = tempfile.NamedTemporaryFile(prefix='penumbra-events-')
        self.process = subprocess.Popen(['virsh', '-c', URI, 'event', *self.words, '--all', '--loop'], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env={**os.environ, 'LC_ALL': 'C'})
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def lines(self):
        with open(self.log.name, encoding='utf-8', errors='replace') as file:
            return file.read().splitlines()

    def wait(self, *texts, timeout=20):
        """Until there is one line with all of these."""
        return eventually(f'the event {" ".join(texts)}', lambda: any(all(text in line for text in texts) for line in self.lines()), timeout)
