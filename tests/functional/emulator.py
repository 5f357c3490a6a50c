"""What the emulator under the testbed now and then does to a guest (docs/testbed.md), and how a test tells it from a fault of ours."""
import functools
import re

import harness

OOPS = 'Oops: int3'  # it ran a breakpoint that a kernel patching itself has already taken away
FLAGS = re.compile(r'EFLAGS: ([0-9a-f]{8,16})')  # in what a Linux that stops says of its registers
NO_FLAGS = ~0x3f7fd7  # bits that are 0 in every processor: neither a guest nor a VMM can set them
MOST = 3


def sign_of(report):
    """What in a guest's last words only the emulator can have done; None if there is nothing."""
    torn = (found[0] for found in FLAGS.finditer(report) if int(found[1], 16) & NO_FLAGS)
    return OOPS if OOPS in report else next(torn, None)


def once_more(run, name):
    """run(), and once more, aloud, if it failed by a fault of the emulator; MOST times at the most."""
    for _ in range(MOST - 1):
        try:
            return run()
        except harness.Failure as failure:
            sign = sign_of(str(failure))
            if sign is None:
                raise
            print(f'     {name}: the emulator under the testbed: {sign}; once more', flush=True)
    return run()


def each_once_more(*tests):
    """The same tests for harness.main(), each tried so."""
    def tried(test):
        @functools.wraps(test)
        def run(*args):
            return once_more(lambda: test(*args), test.__name__)
        return run
    return [tried(test) for test in tests]
