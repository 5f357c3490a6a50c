#!/usr/bin/env python3
"""Says of every known answer of a launch whether it passes, or why it was left out.
usage: known_answers.py CONFIDENTIAL_TEST TDX_TEST IGVM_TEST

Runs the programs that check them; known_answers.txt is the list. An answer that fails, or of which nobody speaks, fails here.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# Which tests check an answer of this kind: all of them must pass.
TESTS = {
    'snp_launch_digest': ('SnpLaunchDigest.KnownAnswers', 'SnpLaunch.KnownAnswers'),
    'snp_page_chain': ('SnpLaunchDigest.Steps',),
    'snp_ovmf_hash': ('SnpLaunchDigest.Steps',),
    'sev_launch_measure': ('SevLaunchDigest.KnownAnswers', 'SevLaunch.KnownAnswers'),
    'sev_digest': ('SevLaunchDigest.KnownAnswers',),
    'snp_id_block': ('IdBlock.KnownAnswer',),
    'kernel_hash_table': ('KernelHashes.KnownTable',),
    'vmsa_page': ('Vmsa.KnownPages',),
    'igvm_snp': ('IgvmPlan.theSnpFileMeasuresToWhatOtherToolsSay',),
    'igvm_native': ('IgvmPlan.theNativeFileGivesThePagesAndRegistersThatRanElsewhere',),
}
# Those whose files are tests/golden/confidential, or whose whole input is in the test.
OWN_KINDS = ('igvm_snp', 'igvm_native', 'snp_page_chain')


def run(program):
    done = subprocess.run([program], capture_output=True, text=True, timeout=300, check=False)
    return done.stdout


def known_here():
    """The ids whose answers are at hand."""
    folder = pathlib.Path(os.environ.get('PENUMBRA_LAUNCH_VECTORS', HERE.parent.parent.parent / 'shared' / 'vectors'))
    files = [HERE / 'sev.json', HERE / 'tdx.json', folder / 'vectors.json']
    return {vector['id'] for path in files if path.exists() for vector in json.loads(path.read_text())['vectors']}


def judge(name, kind, output, here):
    """(passes, why not)"""
    tests = TESTS.get(kind) or ('Tdx/Vector.Passes/' + re.sub(r'[^0-9A-Za-z]', '_', name),)
    for test in tests:
        if f'[  FAILED  ] {test}' in output:
            return False, f'{test} failed'
    skipped = re.search(rf'\[ SKIPPED  \] vector {re.escape(name)}: (.*)', output)
    if skipped:
        return None, skipped.group(1)
    if f'[  SKIPPED ] {tests[0]}' in output:
        reason = re.search(rf'RUN      \] {re.escape(tests[0])}\n(?:.*\n)?(.* is not here)', output)
        return None, reason.group(1) if reason else 'its files are not here'
    if name not in here and kind not in OWN_KINDS:
        return None, 'its files and its answer are not part of this tree; see README.md'
    missing = [test for test in tests if f'[       OK ] {test}' not in output]
    return (False, f'{missing[0]} did not run') if missing else (True, '')


def main():
    output = ''.join(run(program) for program in sys.argv[1:])
    here = known_here()
    rows = [line.split() for line in (HERE / 'known_answers.txt').read_text().splitlines() if not line.startswith('#')]
    count = {True: 0, False: 0, None: 0}
    for name, kind in rows:
        passes, why = judge(name, kind, output, here)
        count[passes] += 1
        print({True: 'pass ', False: 'FAIL ', None: 'skip '}[passes] + name + (': ' + why if why else ''))
    print(f'{count[True]} pass, {count[None]} are left out, {count[False]} fail, of {len(rows)}')
    sys.exit(1 if count[False] or count[True] < 40 else 0)


if __name__ == '__main__':
    main()
