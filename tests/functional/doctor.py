#!/usr/bin/env python3
"""-doctor on a real host: text and JSON agree, and what it says of KVM is what KVM says. usage: doctor.py PENUMBRA [--in-testbed | --testbed]"""
import json
import os
import subprocess
import sys

import harness


def need(condition, text):
    if not condition:
        raise harness.Failure(text)


def doctor(binary, *words):
    done = subprocess.run([binary, *words], capture_output=True, text=True, timeout=60)
    need(done.stderr == '', f'standard error: {done.stderr}')
    return done


def report(binary):
    answer = json.loads(doctor(binary, '-doctor', 'json').stdout)
    return answer, {finding['name']: finding for finding in answer['findings']}


def both_forms_agree(binary):
    answer, findings = report(binary)
    lines = doctor(binary, '-doctor').stdout.splitlines()
    need(lines == doctor(binary, '-doctor', 'text').stdout.splitlines(), 'text is not the default')
    for name, finding in findings.items():
        word = 'yes' if finding['available'] else 'no'
        need(any(line.split()[:2] == [word, name] for line in lines), f'{name}: the text does not say {word}')
        need(finding['available'] or all(cause['reason'] for cause in finding['causes']), f'{name}: no without a reason')
    need(answer['host']['kernel'] == os.uname().release, 'the kernel')
    need(answer['limits']['cpus'] == os.cpu_count(), 'the processors')


def the_status_tells_whether_guests_run(binary):
    done = doctor(binary, '-doctor', 'json')
    kvm = [finding for finding in json.loads(done.stdout)['findings'] if finding['name'] == 'kvm'][0]
    need(done.returncode == (0 if kvm['available'] else 1), f'status {done.returncode}')
    need(kvm['available'] == os.access('/dev/kvm', os.R_OK | os.W_OK), 'whether /dev/kvm opens')


def an_unknown_form_is_refused(binary):
    done = subprocess.run([binary, '-doctor', 'xml'], capture_output=True, text=True, timeout=60)
    need(done.returncode == 1 and 'expected text or json' in done.stderr, done.stderr)


def guest_memfd_is_as_the_kernel_says(binary):
    harness.need_kvm()
    _, findings = report(binary)
    need(findings['guest-memfd-mmap']['available'] == harness.has_mappable_guest_memfd(), 'guest-memfd-mmap')


def the_testbed_has_protected_guests(binary):
    answer, findings = report(binary)
    for name in ('kvm', 'sw-protected-vm', 'guest-memfd', 'private-memory', 'pre-fault'):
        need(findings[name]['available'], f'{name} is missing')
    need(not findings['guest-memfd-mmap']['available'], 'Linux 6.12 has mappable guest_memfd')
    need(answer['confidential-guest-support-auto'] == 'sw-protected-vm', 'what auto is')


if __name__ == '__main__':
    if '--testbed' in sys.argv:
        sys.exit(harness.again_in_testbed([], [os.path.abspath(sys.argv[1]), '--in-testbed']))
    tests = [both_forms_agree, the_status_tells_whether_guests_run, an_unknown_form_is_refused, guest_memfd_is_as_the_kernel_says]
    if '--in-testbed' in sys.argv:
        sys.argv.remove('--in-testbed')
        tests.append(the_testbed_has_protected_guests)
    harness.main(tests)
