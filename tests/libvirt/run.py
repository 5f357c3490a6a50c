#!/usr/bin/env python3
"""Penumbra under a real, unmodified libvirtd: run.py BINARY GUEST-IMAGE [SCENARIO...]. Status 77: nothing could be run here, and why."""
import os
import sys

import world as world_of
import scenario

import scenarios_cpu_memory  # noqa: F401
import scenarios_daemon  # noqa: F401
import scenarios_devices  # noqa: F401
import scenarios_disks  # noqa: F401
import scenarios_guest  # noqa: F401
import scenarios_plug  # noqa: F401
import scenarios_start  # noqa: F401
import scenarios_variety  # noqa: F401
import scenarios_verbs  # noqa: F401


def main():
    world_of.need_everything()
    world_of.enter()
    binary, guest, *wanted = sys.argv[1:]
    with world_of.World(binary, os.path.abspath(guest)) as world:
        status = scenario.run_and_report(world, wanted, workers=int(os.environ.get('PENUMBRA_LIBVIRT_JOBS', '4')))
    sys.exit(status)


if __name__ == '__main__':
    main()
