"""The list of scenarios, and what runs them: several at a time against one libvirtd, those that stop the daemon alone at the end."""
import concurrent.futures
import shutil
import sys
import time

from world import Failure

ALL = []
# Emulators before query-jobs lack more that is no command: device paths in block queries, links by card, -sandbox in their options.
RECENT = ('query-jobs',)


class Scenario:
    def __init__(self, name, function, alone=False, guest=False, needs=(), program=None, group=None):
        self.name, self.function, self.alone, self.guest, self.needs, self.program = name, function, alone, guest, needs, program
        self.group = group or name

    def lacks(self, world):
        """What is not there for it, in words; empty when it can run."""
        commands = set(self.needs) - world.commands()
        if commands:
            return f'this emulator has no {", ".join(sorted(commands))}'
        return f'this machine has no {self.program}' if self.program and not shutil.which(self.program) else ''


def scenario(function=None, *, alone=False, guest=False, needs=(), program=None):
    """alone: nothing else runs meanwhile; guest: it waits for a guest to boot, so it begins early; needs, program: QMP commands and a program
    without which it is skipped, and said to be."""
    def enter(f):
        ALL.append(Scenario(f.__name__, f, alone, guest, needs, program))
        return f
    return enter(function) if function else enter


def add(name, function, **options):
    """A line of a table of scenarios. group: those of one group run one after the other, in their order."""
    ALL.append(Scenario(name, function, **options))


def expect(what, got, wanted):
    if got != wanted:
        raise Failure(f'{what}: {got!r}, not {wanted!r}')


def expect_in(text, where):
    if text not in where:
        raise Failure(f'"{text}" is missing in:\n{where}')


def expect_not_in(text, where):
    if text in where:
        raise Failure(f'"{text}" is in:\n{where}')


def run_one(one, world):
    begin = time.monotonic()
    try:
        one.function(world)
        why = None
    except Failure as failure:
        why = str(failure)
    except Exception as bug:  # pylint: disable=broad-except
        why = f'{type(bug).__name__}: {bug}'
    line = f'{"ok  " if why is None else "FAIL"} {one.name} ({time.monotonic() - begin:.1f} s){"" if why is None else ": " + why}'
    print(line, flush=True)
    return None if why is None else line


def run_all(world, wanted, workers):
    chosen = [one for one in ALL if not wanted or one.name in wanted]
    unknown = set(wanted) - {one.name for one in chosen}
    if unknown:
        sys.exit(f'there is no scenario {", ".join(sorted(unknown))}')
    for one in [one for one in chosen if one.lacks(world)]:
        print(f'skip {one.name}: {one.lacks(world)}', flush=True)
        chosen.remove(one)
    together = sorted((one for one in chosen if not one.alone), key=lambda one: not one.guest)
    groups = {}
    for one in together:
        groups.setdefault(one.group, []).append(one)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        results = [line for group in pool.map(lambda group: [run_one(one, world) for one in group], groups.values()) for line in group]
    results += [run_one(one, world) for one in chosen if one.alone]
    return results


def run_and_report(world, wanted, workers):
    """The exit status. What failed is said once more at the very end."""
    results = run_all(world, wanted, workers)
    failures = [line for line in results if line is not None]
    if failures:
        print(world.log('libvirtd', 8000))
    print('\n'.join([*failures, f'{len(results) - len(failures)} passed, {len(failures)} failed']))
    return 1 if failures else 0
