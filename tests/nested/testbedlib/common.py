"""What every part of the testbed needs: errors of one line, quiet sub-processes, the cache and its lock."""
import contextlib
import fcntl
import hashlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
QUIET = False


class Failure(Exception):
    """A host or user error: its text is the one line the user sees."""


def say(text):
    if not QUIET:
        print(f'testbed: {text}', file=sys.stderr, flush=True)


def cache_dir():
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return pathlib.Path(base) / 'penumbra-testbed'


@contextlib.contextmanager
def build_lock():
    """Only one build at a time; the others wait and then find everything done."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with open(cache_dir() / 'lock', 'w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say('waiting for another build of the testbed')
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(argv, log=None, **kwargs):
    """Runs a tool and returns its output; on failure raises with the tool's last words."""
    env = dict(os.environ, LC_ALL='C', **kwargs.pop('env', {}))
    done = subprocess.run([str(a) for a in argv], stdin=kwargs.pop('stdin', subprocess.DEVNULL),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, **kwargs)
    if log is not None:
        log.write_bytes(done.stdout + done.stderr)
    if done.returncode != 0:
        words = [w for w in done.stderr.decode(errors='replace').strip().splitlines() if w.strip()]
        wrong = [w for w in words if 'error' in w.lower()] or words or ['no message']
        where = f' (all of it: {log})' if log is not None else ''
        raise Failure(f'{argv[0]} failed with status {done.returncode}: {wrong[0].strip()}{where}')
    return done.stdout


def digest(*parts):
    """A short name for what was built from these files, bytes and strings."""
    sum_ = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, pathlib.Path) else part
        data = data.encode() if isinstance(data, str) else data
        sum_.update(len(data).to_bytes(8, 'little') + data)
    return sum_.hexdigest()[:16]
