#!/usr/bin/env python3
"""Recorded conversations of libvirt with an emulator, once more with penumbra: the command lines are accepted, and every reply has the shape
that libvirt reads. usage: replay.py PENUMBRA DIRECTORY [-v] [SCENARIO...]

DIRECTORY holds a folder a scenario: argv.json and qmp.jsonl, and argv.2.json and qmp.2.jsonl where the emulator was started twice. What is refused
by design is listed in replay_known.py, with the line that is to be heard; nothing else may be refused."""
import collections
import json
import os
import re
import socket
import sys
import time

import harness
import qmp_client
import replay_known
from replay_shapes import READS, differences, kind
from replay_world import Descriptors, World

LIMIT = 30  # seconds, for whatever is waited for


JOB_STATES = {'blockdev-create': 'concluded', 'blockdev-mirror': 'ready', 'job-complete': 'concluded'}


def steps_of(path):
    """(request, number of descriptors, recorded reply) in the order of requests."""
    steps, by_id = [], {}
    with open(path, encoding='utf-8') as file:
        for line in file:
            entry = json.loads(line)
            message = entry.get('msg')
            if not isinstance(message, dict):
                continue
            if 'execute' in message:
                by_id[message.get('id')] = len(steps)
                steps.append([message, entry.get('scm_fds', 0), None])
            elif ('return' in message or 'error' in message) and message.get('id') in by_id:
                at = by_id.pop(message['id'])
                steps[at][2] = message
    return [step for step in steps if step[2] is not None]


class Replay:
    """One process of one scenario."""

    def __init__(self, scenario, world, argv):
        self.scenario, self.world, self.argv = scenario, world, argv
        self.failures = collections.Counter()
        self.by_design = collections.Counter()
        self.count = 0
        self.listed = {}  # names that qom-list gave here, by path

    def fail(self, text):
        self.failures[text] += 1

    def run(self, steps):
        argv = self.world.command_line(self.argv)
        daemon = '-daemonize' in argv
        process = self.world.start(argv)
        try:
            path = self.socket_path(argv)
            if daemon:
                output = process.communicate(timeout=LIMIT)[0].decode(errors='replace')
                if process.returncode != 0:
                    return self.refusal(output.strip())
            connection = self.connect(process, path)
            if connection is None:
                output = process.communicate(timeout=LIMIT)[0].decode(errors='replace')
                return self.refusal(output.strip())
            if replay_known.refused_command_line(self.argv):
                return self.fail('the command line should have been refused')
            for request, descriptors, recorded in steps:
                if request['execute'] == 'qmp_capabilities' and self.count:
                    connection.close()  # libvirtd was started again
                    connection = self.connect(process, path)
                self.step(connection, request, descriptors, recorded)
            if daemon:
                self.end_daemon(connection)
            return None
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            process.stdout.close()

    def refusal(self, output):
        expected = replay_known.refused_command_line(self.argv)
        line = output.split('\n')[-1]
        if expected and re.search(expected, line):
            self.by_design['the command line: ' + re.sub(r'^.*?penumbra[^:]*: ', '', line)] += 1
        else:
            self.fail(f'the command line: {output}')

    def socket_path(self, argv):
        if '-qmp' in argv:
            return argv[argv.index('-qmp') + 1].split(':', 1)[1].split(',')[0]
        monitor = re.search(r'chardev=([^,]+)', argv[argv.index('-mon') + 1]).group(1)
        return self.world.sockets[monitor]

    def connect(self, process, path):
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(path)
                return qmp_client.Connection(sock, LIMIT)
            except (FileNotFoundError, ConnectionRefusedError, ConnectionResetError, EOFError, BrokenPipeError):
                sock.close()
                if process.poll() is not None and '-daemonize' not in process.args:
                    return None
                time.sleep(0.002)
        raise harness.Failure(f'{self.scenario}: no monitor')

    def end_daemon(self, connection):
        connection.send('quit')
        try:
            while connection.receive():
                pass
        except EOFError:
            pass

    def step(self, connection, request, descriptors, recorded):
        self.count += 1
        request = json.loads(self.world.substitute(json.dumps(request)))
        for text in re.findall(r'"filename": "([^"]+)"', json.dumps(request)):
            self.world.make_files(text)
        fds = [os.open(f'{self.world.directory.name}/passed', os.O_RDWR | os.O_CREAT, 0o600) for _ in range(descriptors)]
        connection.send_raw(json.dumps(request).encode() + b'\r\n', fds)
        for fd in fds:
            os.close(fd)
        reply = connection.reply()
        name = request['execute']
        # libvirt goes on when the job is there.
        if 'return' in reply and name in JOB_STATES:
            while connection.wait_event('JOB_STATUS_CHANGE')['data']['status'] != JOB_STATES[name]:
                pass
        if name == 'qom-list' and 'return' in reply:
            self.listed[request['arguments']['path']] = {one['name'] for one in reply['return']}
        found = self.judge(name, request.get('arguments', {}), recorded, reply)
        if found and (reason := replay_known.different_reply(name, request.get('arguments', {}), recorded, reply,
                                                                     self.listed)):
            self.by_design[f'{name}: {reason}'] += 1
            return
        for text in found:
            self.fail(f'{name}: {text}')

    def judge(self, name, arguments, recorded, reply):
        if reply.get('id') != recorded.get('id'):
            return [f'the id is {reply.get("id")}']
        if 'error' in recorded:
            wanted = recorded['error']['class']
            if 'error' not in reply:
                return [f'no error, recorded {wanted}: {recorded["error"]["desc"]}']
            got = reply['error']['class']
            return [] if got == wanted else [f'error class {got}, recorded {wanted}']
        if 'error' in reply:
            return [f'{arguments} {reply["error"]["class"]}: {reply["error"]["desc"]}']
        special = replay_known.SPECIAL.get(name)
        if special:
            return special(arguments, recorded['return'], reply['return'])
        if name not in READS:
            given, wanted = kind(reply['return']), kind(recorded['return'])
            return [] if given == wanted else [f'{arguments} gives {given}, not {wanted}']
        return differences(self.world_free(recorded['return']), reply['return'], READS[name])

    def world_free(self, value):
        return json.loads(self.world.substitute(json.dumps(value)))


def scenarios(directory):
    """(name, [(argv file, messages file)...]) of every folder with a command line."""
    for name in sorted(os.listdir(directory)):
        folder = os.path.join(directory, name)
        if not os.path.isdir(folder):
            continue
        runs = []
        for prefix in ('probe-', ''):
            for number in ('', '.2', '.3', '.4'):
                argv = os.path.join(folder, f'{prefix}argv{number}.json')
                messages = os.path.join(folder, f'{prefix}qmp{number}.jsonl')
                if prefix:
                    messages = os.path.join(folder, f'{prefix}qmp.jsonl')
                if os.path.exists(argv) and os.path.exists(messages):
                    runs.append((argv, messages))
        if runs:
            yield name, runs


def replay_scenario(binary, descriptors, name, runs):
    """(requests, failures, by design, notes)"""
    failures, by_design, count = collections.Counter(), collections.Counter(), 0
    with World(binary, descriptors) as world:
        for argv_file, messages_file in runs:
            with open(argv_file, encoding='utf-8') as file:
                replay = Replay(name, world, json.load(file))
            try:
                replay.run(steps_of(messages_file))
            except (EOFError, TimeoutError, OSError, harness.Failure) as error:
                replay.fail(f'the conversation broke off: {type(error).__name__} {error}')
            failures += replay.failures
            by_design += replay.by_design
            count += replay.count
        return count, failures, by_design, world.notes


def main():
    binary, directory = os.path.abspath(sys.argv[1]), sys.argv[2]
    wanted = [name for name in sys.argv[3:] if name != '-v']
    verbose = '-v' in sys.argv
    if not os.path.isdir(directory) or not any(scenarios(directory)):
        harness.skip(f'NO RECORDINGS OF LIBVIRT in {directory}: nothing was replayed')
    harness.need_kvm()
    descriptors = Descriptors()
    tally = collections.Counter()
    all_by_design, requests = collections.Counter(), 0
    for name, runs in scenarios(directory):
        if wanted and name not in wanted:
            continue
        count, failures, by_design, notes = replay_scenario(binary, descriptors, name, runs)
        requests += count
        all_by_design.update(set(by_design))
        verdict = 'FAIL' if failures else 'refused' if any(text.startswith('the command line') for text in by_design) else 'ok'
        tally[verdict] += 1
        print(f'{verdict:8}{name}: {count} requests' + ''.join(f'; {note}' for note in dict.fromkeys(notes)), flush=True)
        for text, times in failures.items():
            print(f'    {times}x {text}'[:1000])
        if verbose:
            for text, times in by_design.items():
                print(f'    by design {times}x {text}'[:300])
    print('different by design, in scenarios:')
    for text, times in all_by_design.most_common():
        print(f'    {times:3} {text}'[:300])
    print(f'{tally["ok"]} replayed, {tally["refused"]} refused by design, {tally["FAIL"]} failing; {requests} requests')
    sys.exit(1 if tally['FAIL'] else 0)


if __name__ == '__main__':
    main()
