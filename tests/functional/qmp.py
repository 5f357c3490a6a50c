#!/usr/bin/env python3
"""The monitors of the real binary: QMP and the monitor for people. usage: qmp.py PENUMBRA [test...]"""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import harness
import qmp_client
from bad_requests import snapshot
from harness import Failure

PAUSED = ('-S', '-display', 'none', '-cpu', 'qemu64,check=off')


def need(condition, text):
    if not condition:
        raise Failure(text)


def refused(connection, name, error_class, **arguments):
    error = qmp_client.refusal(connection, name, **arguments)
    need(error.error_class == error_class, f'{name}: {error}, wanted {error_class}')
    need('\n' not in error.desc, f'{name}: an error of several lines')
    return error.desc


def test_states(binary):
    """Stop, continue, reset and quit, with their events."""
    with qmp_client.Process(binary, *PAUSED) as process:
        qmp = process.connect().negotiate()
        need(qmp.command('query-status') == {'running': False, 'singlestep': False, 'status': 'prelaunch'}, 'prelaunch')
        qmp.command('cont')
        qmp.wait_event('RESUME')
        need(qmp.command('query-status')['status'] == 'running', 'running')
        qmp.command('stop')
        qmp.wait_event('STOP')
        need(qmp.command('query-status')['status'] == 'paused', 'paused')
        qmp.command('system_reset')
        event = qmp.wait_event('RESET')
        need(event['data'] == {'guest': False, 'reason': 'host-qmp-system-reset'}, f'{event}')
        need(qmp.command('query-status')['status'] == 'prelaunch', 'prelaunch after a reset')
        qmp.command('quit')
        need(qmp.wait_event('SHUTDOWN')['data']['reason'] == 'host-qmp-quit', 'the reason of a quit')
        need(process.wait() == 0, f'status {process.process.returncode}: {process.output}')


def test_signal(binary):
    """SIGTERM is told and ends with status 0, also with -no-shutdown."""
    with qmp_client.Process(binary, *PAUSED, '-no-shutdown') as process:
        qmp = process.connect().negotiate()
        process.process.send_signal(signal.SIGTERM)
        event = qmp.wait_event('SHUTDOWN')
        need(event['data'] == {'guest': False, 'reason': 'host-signal'}, f'{event}')
        need(process.wait() == 0, 'the exit status')


# Which are refused though they are listed, and nothing else is: on a machine without such memory or such a host; and those without which libvirt
# would not show the reason why a guest cannot be saved.
OF_PROTECTED_GUESTS = {'query-sev', 'query-sev-capabilities', 'query-sev-launch-measure', 'query-tdx-capabilities'}
OF_NO_USE_YET = {'migrate': {'uri': 'exec:cat'}, 'migrate-pause': {}}


def test_schema(binary):
    """What is listed is there: every command of the schema, and no other; and works, but for what is named above."""
    with qmp_client.Process(binary, *PAUSED, '-device', 'virtio-balloon-pci', '-device', 'vmgenid') as process:
        qmp = process.connect().negotiate()
        schema = qmp.command('query-qmp-schema')
        listed = {entry['name'] for entry in schema if entry['meta-type'] == 'command'}
        there = {entry['name'] for entry in qmp.command('query-commands')}
        need(listed == there, f'only in the schema: {listed - there}; only there: {there - listed}')
        by_name = {entry['name']: entry for entry in schema}
        for name in sorted(listed):
            arguments = by_name[by_name[name]['arg-type']]
            if name != 'qmp_capabilities' and all('default' in member for member in arguments['members']):
                if name.startswith('query-'):
                    qmp.send(name)
                    reply = qmp.reply()
                    need('return' in reply or (name in OF_PROTECTED_GUESTS and reply['error']['class'] in ('GenericError', 'KVMMissingCap')), f'{name}: {reply}')
        for name, arguments in OF_NO_USE_YET.items():
            need('migration' in refused(qmp, name, 'GenericError', **arguments), name)
        need(qmp.command('migrate_cancel') == {}, 'migrate_cancel where there is nothing to cancel')
        need(qmp.command('query-status')['status'] == 'prelaunch', 'the state changed')


def test_listed_options(binary):
    """Switches that only take off are not listed as options: who sees one listed switches it on."""
    only_off = {('run-with', 'async-teardown'), ('overcommit', 'cpu-pm'), ('machine', 'usb'), ('machine', 'vmport'), ('machine', 'smm')}
    with qmp_client.Process(binary, *PAUSED) as process:
        listed = {(option['option'], one['name']) for option in process.connect().negotiate().command('query-command-line-options')
                  for one in option['parameters']}
    need({('run-with', 'user'), ('overcommit', 'mem-lock'), ('machine', 'kernel-irqchip')} <= listed, f'{listed}')
    need(not only_off & listed, f'listed: {only_off & listed}')
    for option, name in sorted(only_off):
        for value, good in (('on', False), ('off', True)):
            argv = [binary, '-nodefaults', *PAUSED, f'-{option}', f'{name}={value}', '-monitor', 'stdio']
            done = subprocess.run(argv, input=b'quit\n', stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30, check=False)
            need((done.returncode == 0) == good, f'-{option} {name}={value}: {done}')
            need(good or name in done.stderr.decode(), f'-{option} {name}={value}: {done}')


def bad_requests():
    """At least 500 requests that are wrong in one way each, and the class of the error."""
    deep = '[' * 1020 + ']' * 1020
    names = ['query-status', 'stop', 'cont', 'query-name', 'query-version', 'query-commands', 'system_reset', 'quit',
             'query-qmp-schema', 'query-uuid', 'system_powerdown', 'query-fdsets', 'inject-nmi']
    for name in names:
        for value in ('1', '"x"', 'null', '[]', '{}', 'true', deep):
            yield f'{{"execute": "{name}", "arguments": {{"no-such-argument": {value}}}}}', 'GenericError'
        for value in ('1', '"x"', 'null', '[]', 'true', '[{}]', '-0.5', deep):
            yield f'{{"execute": "{name}", "arguments": {value}}}', 'GenericError'
        yield f'{{"execute": "{name}", "execute": "{name}"}}', 'GenericError'
        yield f'{{"execute": "{name}", "extra": 1}}', 'GenericError'
        yield f'{{"execute": "{name}", "exec-oob": "{name}"}}', 'GenericError'
        yield f'{{"exec-oob": "{name}"}}', 'GenericError'
        yield f'{{"execute": ["{name}"]}}', 'GenericError'
        yield f'{{"execute": "{name} "}}', 'CommandNotFound'
        yield f'{{"execute": "{name.upper()}"}}', 'CommandNotFound'
        yield f'{{"execute": "{name}\\u0000"}}', 'GenericError'
        yield f'{{"execute": "{name}x"}}', 'CommandNotFound'
        yield f'{{"execute" "{name}"}}', 'GenericError'
        yield f'{{"execute": "{name}",}}', 'GenericError'
        yield f'{{"execute": "{name}"]', 'GenericError'
        yield f'["execute", "{name}"]', 'GenericError'
    for value in ('1', 'true', 'null', '{}', '[]', '1.5'):
        yield f'{{"execute": {value}}}', 'GenericError'
        yield f'{{"exec-oob": {value}}}', 'GenericError'
        yield f'{{"execute": "getfd", "arguments": {{"fdname": {value}}}}}', 'GenericError'
        yield f'{{"execute": "closefd", "arguments": {{"fdname": {value}}}}}', 'GenericError'
        yield f'{{"execute": "human-monitor-command", "arguments": {{"command-line": {value}}}}}', 'GenericError'
        yield f'{{"execute": "watchdog-set-action", "arguments": {{"action": {value}}}}}', 'GenericError'
        yield f'{{"execute": "set-action", "arguments": {{"panic": {value}}}}}', 'GenericError'
        yield f'{{"execute": "remove-fd", "arguments": {{"fdset-id": {value}}}}}', 'GenericError'
        yield value, 'GenericError'
    for name in ('getfd', 'closefd', 'human-monitor-command', 'watchdog-set-action', 'remove-fd'):
        yield f'{{"execute": "{name}"}}', 'GenericError'
        yield f'{{"execute": "{name}", "arguments": {{}}}}', 'GenericError'
    yield '{"execute": "qmp_capabilities"}', 'CommandNotFound'
    yield '{"execute": "x-exit-preconfig"}', 'GenericError'
    yield '{"execute": "system_wakeup"}', 'GenericError'
    yield '{"execute": "getfd", "arguments": {"fdname": "x"}}', 'GenericError'
    yield '{"execute": "add-fd"}', 'GenericError'
    for at in range(0x21, 0x7f):
        if chr(at) not in '{[]}"\'0123456789-+.:,' and not chr(at).isalpha():
            yield chr(at), 'GenericError'
    for text in ('x' * 100000, '"' + 'x' * 100000 + '"', '9' * 5000, '[' * 1500, '{"a":' * 1100, '"\\ud800"', '"\\x"', '01',
                 '{"a": 1, "a": 1}', '[1 2]', ']', '}'):
        yield text, 'GenericError'
    request = '{"execute": "set-action", "arguments": {"reboot": "shutdown"}}'
    for at in range(1, len(request)):
        yield request[:at] + '\x01', 'GenericError'
        yield request[:at] + '\x7f' if at < 12 else request[:at] + '@#', None


def test_bad_requests(binary):
    """Each is answered with one error of the right class and changes nothing."""
    with qmp_client.Process(binary, *PAUSED) as process:
        qmp = process.connect().negotiate()
        count, before = 0, snapshot(qmp)
        for text, error_class in bad_requests():
            qmp.send_raw(text.encode() + b'\n')
            qmp.send('query-name', id=count)
            replies = []
            while True:
                reply = qmp.reply()
                if reply.get('id') == count and 'return' in reply:
                    break
                replies.append(reply)
            if error_class is not None:
                need(len(replies) == 1, f'{text[:100]!r}: {replies}')
                need(replies[0].get('error', {}).get('class') == error_class, f'{text[:100]!r}: {replies[0]}')
            else:
                need(all('error' in reply for reply in replies), f'{text[:100]!r}: {replies}')
            need(snapshot(qmp) == before, f'{text[:100]!r} changed something')
            count += 1
        need(count >= 500, f'only {count} requests')
        need(qmp.command('query-status')['status'] == 'prelaunch', 'the state changed')
        need(not qmp.events, f'{qmp.events}')
    print(f'{count} bad requests, and the state was the same after each')


def test_binary_garbage(binary):
    """Random bytes, then a newline: the connection works on."""
    import random
    with qmp_client.Process(binary, *PAUSED) as process:
        qmp = process.connect().negotiate()
        source = random.Random(7)
        for _ in range(50):
            junk = bytes(source.randrange(256) for _ in range(source.randrange(1, 3000)))
            qmp.send_raw(junk + b'\n"\'\n')
            qmp.send_raw(b'\n{"execute": "query-name", "id": "end"}\n')
            while qmp.reply().get('id') != 'end':
                pass
        need(qmp.command('query-status')['status'] == 'prelaunch', 'the state changed')


def test_clients_come_and_go(binary):
    """One at a time; each is greeted and negotiates anew."""
    with qmp_client.Process(binary, *PAUSED) as process:
        for enable in ((), ('oob',), ()):
            qmp = process.connect()
            refused(qmp, 'query-status', 'CommandNotFound')
            qmp.negotiate(*enable)
            qmp.command('query-status')
            qmp.send_raw(b'{"execute": "qu')
            qmp.close()
        qmp = process.connect().negotiate()
        need(qmp.command('query-status')['status'] == 'prelaunch', 'the state')


def test_out_of_band_before_its_time(binary):
    """Requests to be run out of band before anybody enabled that have an error each, in order; one right behind the request that enables it is
    run; of a connection without it they stay refused."""
    oob = '{"exec-oob": "migrate-pause", "id": %d}'
    enable = '{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": %d}'
    with qmp_client.Process(binary, *PAUSED) as process:
        for _ in range(20):
            qmp = process.connect()
            qmp.send_raw((oob % 1 + oob % 2 + '{"exec-oob": "qmp_capabilities", "id": 3}' + '{"exec-oob": "nothing", "id": 4}' + '{"execute": "query-name", "id": 5}' +
                          enable % 6 + oob % 7 + '{"execute": "query-name", "id": 8}').encode())
            answers = [qmp.reply() for _ in range(8)]
            # The last request may run on the main thread while the one before it runs on the monitors' own.
            need(sorted(answer['id'] for answer in answers) == list(range(1, 9)) and [answer['id'] for answer in answers[:6]] == list(range(1, 7)), f'{answers}')
            classes = {answer['id']: answer['error']['class'] if 'error' in answer else None for answer in answers}
            need([classes[number] for number in range(1, 9)] == ['GenericError'] * 4 + ['CommandNotFound', None, 'GenericError', None], f'{answers}')
            need('not enabled' in answers[0]['error']['desc'] and all('not enabled' not in answer.get('error', {}).get('desc', '') for answer in answers[4:]), f'{answers}')
            qmp.close()
        qmp = process.connect().negotiate()
        qmp.send_raw((oob % 1).encode())
        need(qmp.reply()['error']['class'] == 'GenericError', 'out of band without it')


def test_several_monitors(binary):
    """Four at once hear each event and are answered while another one floods."""
    with tempfile.TemporaryDirectory() as folder:
        extra = []
        for i in range(3):
            extra += ['-chardev', f'socket,id=c{i},path={folder}/{i},server=on,wait=off', '-mon', f'chardev=c{i},mode=control']
        with qmp_client.Process(binary, *PAUSED, *extra) as process:
            first = process.connect().negotiate()
            others = []
            for i in range(3):
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(f'{folder}/{i}')
                others.append(qmp_client.Connection(sock).negotiate(*(['oob'] if i == 0 else [])))

            def flood(qmp):
                for _ in range(500):
                    qmp.command('query-commands')
            threads = [threading.Thread(target=flood, args=(qmp,)) for qmp in others]
            for thread in threads:
                thread.start()
            for _ in range(20):
                first.command('cont')
                first.command('stop')
            for thread in threads:
                thread.join()
            for qmp in (first, *others):
                for _ in range(20):
                    qmp.wait_event('RESUME')
                    qmp.wait_event('STOP')


def test_descriptors(binary):
    """getfd and add-fd over the socket; a closed one is closed."""
    with qmp_client.Process(binary, *PAUSED) as process:
        qmp = process.connect().negotiate()
        read, write = os.pipe()
        qmp.command('getfd', fds=(write,), fdname='pipe')
        os.close(write)
        qmp.command('closefd', fdname='pipe')
        need(os.read(read, 1) == b'', 'the descriptor stayed open')
        refused(qmp, 'closefd', 'GenericError', fdname='pipe')
        info = qmp.command('add-fd', fds=(read,), opaque='words')
        need(qmp.command('query-fdsets') == [{'fdset-id': info['fdset-id'], 'fds': [{'fd': info['fd'], 'opaque': 'words'}]}],
             'query-fdsets')
        qmp.command('remove-fd', fdset_id=info['fdset-id'], fd=info['fd'])
        need(qmp.command('query-fdsets') == [], 'the set stayed')


def test_passed_listener(binary):
    """As libvirt does it: a listening socket by descriptor, lines that end with CR LF."""
    with tempfile.TemporaryDirectory() as folder:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f'{folder}/monitor.sock')
        listener.listen(1)
        os.set_inheritable(listener.fileno(), True)
        argv = [binary, '-nodefaults', *PAUSED, '-chardev', f'socket,id=charmonitor,fd={listener.fileno()},server=on,wait=off',
                '-mon', 'chardev=charmonitor,id=monitor,mode=control', '-no-shutdown']
        process = subprocess.Popen(argv, pass_fds=(listener.fileno(),), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(2):
                sock = socket.socket(socket.AF_UNIX)
                sock.connect(f'{folder}/monitor.sock')
                qmp = qmp_client.Connection(sock)
                qmp.send('qmp_capabilities')
                need(qmp.line() == b'{"return": {}}\r\n', 'the end of a line')
                qmp.close()
        finally:
            process.terminate()
            need(process.wait(20) == 0, 'the exit status')


def test_preconfig(binary):
    """The machine is made when the monitor says so."""
    with qmp_client.Process(binary, *PAUSED[1:], '-preconfig') as process:
        qmp = process.connect().negotiate()
        need(qmp.command('query-status')['status'] == 'prelaunch', 'prelaunch')
        qmp.command('query-commands')
        refused(qmp, 'stop', 'GenericError')
        qmp.command('x-exit-preconfig')
        qmp.wait_event('RESUME')
        need(qmp.command('query-status')['status'] == 'running', 'running')
        refused(qmp, 'x-exit-preconfig', 'GenericError')
    with qmp_client.Process(binary, *PAUSED[1:], '-preconfig') as process:
        qmp = process.connect().negotiate()
        qmp.command('quit')
        need(process.wait() == 0, 'quit before there is a machine')


def test_human_monitor(binary):
    """By QMP and on a terminal of its own."""
    with qmp_client.Process(binary, *PAUSED) as process:
        qmp = process.connect().negotiate()
        said = qmp.command('human-monitor-command', command_line='info status')
        need(said == 'VM status: paused (prelaunch)\r\n', f'{said!r}')
        need('unknown command' in qmp.command('human-monitor-command', command_line='fly away'), 'an unknown command')
        listed = qmp.command('human-monitor-command', command_line='help')
        need(len(listed.splitlines()) > 10 and 'info' in listed, 'help')
    argv = [binary, '-nodefaults', *PAUSED, '-monitor', 'stdio']
    done = subprocess.run(argv, input=b'info status\nquit\n', stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, check=False)
    need(done.returncode == 0 and b'VM status: paused (prelaunch)' in done.stdout, f'{done}')


def test_objects(binary):
    """Objects come and go whole, and what is in use stays."""
    extra = ['-object', 'rng-random,id=rng0', '-device', 'virtio-rng-pci,id=r0,rng=rng0', '-object', 'iothread,id=io0']
    with qmp_client.Process(binary, *PAUSED, *extra) as process:
        qmp = process.connect().negotiate()
        add = {'qom-type': 'memory-backend-ram', 'id': 'm1', 'size': 1 << 20}

        def object_add(**members):
            qmp.send('object-add', {k.replace('_', '-'): v for k, v in members.items()})
            return qmp.reply()
        wrong = [{'qom_type': 'memory-backend-ram', 'id': 'm1'}, {'id': 'm1'}, {'qom_type': 'memory-backend-ram', 'size': 4096},
                 {'qom_type': 'memory-backend-ram', 'id': 'm1', 'size': '4096'}, {'qom_type': 'nothing', 'id': 'm1'},
                 {'qom_type': 'memory-backend-ram', 'id': 'm1', 'sized': 4096}, {'qom_type': 'iothread', 'id': '1'},
                 {'qom_type': 'sw-protected-vm', 'id': 'p'}, {'qom_type': 'rng-random', 'id': 'r', 'filename': '/no/such/file'}]
        for members in wrong:
            need('error' in object_add(**members), f'{members} was taken')
        before = qmp.command('qom-list', path='/objects')
        need('return' in object_add(**{k.replace('-', '_'): v for k, v in add.items()}), 'object-add')
        need('error' in object_add(**{k.replace('-', '_'): v for k, v in add.items()}), 'an id taken twice')
        need([m['size'] for m in qmp.command('query-memdev') if m['id'] == 'm1'] == [1 << 20], 'query-memdev')
        qmp.command('object-del', id='m1')
        for used in ('pc.ram', 'rng0'):
            need('in use' in refused(qmp, 'object-del', 'GenericError', id=used), f'{used} is not in use')
        qmp.command('object-del', id='io0')
        refused(qmp, 'object-del', 'GenericError', id='io0')
        need(len(qmp.command('qom-list', path='/objects')) == len(before) - 1, 'what is left')


def walk(qmp, path):
    """Every property of the objects below can be read."""
    count = 0
    for entry in qmp.command('qom-list', path=path):
        if entry['type'].startswith('child<'):
            count += walk(qmp, f'{path.rstrip("/")}/{entry["name"]}')
        else:
            qmp.command('qom-get', path=path, property=entry['name'])
            count += 1
    return count


def test_types_and_trees(binary):
    """Types have parents, devices list their properties, objects can be read; looking changes nothing."""
    with qmp_client.Process(binary, *PAUSED, '-device', 'pcie-root-port,id=rp0') as process:
        qmp = process.connect().negotiate()
        types = {t['name']: t for t in qmp.command('qom-list-types', abstract=True)}
        for name, entry in types.items():
            need(entry.get('parent', 'object') in types, f'{name}: unknown parent')
        before = [qmp.command('human-monitor-command', command_line=f'info {tree}') for tree in ('qtree', 'qom-tree')]
        for entry in qmp.command('qom-list-types', implements='device'):
            for row in qmp.command('device-list-properties', typename=entry['name']):
                need(row['name'] and row['type'], f'{entry["name"]}: {row}')
            qmp.command('human-monitor-command', command_line=f'device_add "{entry["name"]},help"')
        refused(qmp, 'device-list-properties', 'GenericError', typename='device')
        refused(qmp, 'device-list-properties', 'DeviceNotFound', typename='nothing')
        need(walk(qmp, '/') > 100, 'few properties')
        after = [qmp.command('human-monitor-command', command_line=f'info {tree}') for tree in ('qtree', 'qom-tree')]
        need(before == after, 'a tree changed')


def test_hot_plug(binary):
    """A device comes whole or not at all; it goes with an event, or when the machine is reset."""
    with qmp_client.Process(binary, *PAUSED, '-device', 'pcie-root-port,id=rp0') as process:
        qmp = process.connect().negotiate()
        listed = qmp.command('qom-list', path='/machine/peripheral')
        for arguments, error_class in (({'driver': 'virtio-rng-pci', 'id': 'x'}, 'GenericError'),
                                       ({'driver': 'nothing', 'id': 'x'}, 'GenericError'),
                                       ({'driver': 'virtio-rng-pci', 'id': 'x', 'bus': 'rp9'}, 'GenericError'),
                                       ({'driver': 'virtio-rng-pci', 'id': 'x', 'bus': 'rp0', 'nonsense': 1}, 'GenericError'),
                                       ({'driver': 'virtio-rng-pci', 'id': 'x', 'bus': 'rp0', 'rng': 'nowhere'}, 'GenericError'),
                                       ({'id': 'x'}, 'GenericError')):
            refused(qmp, 'device_add', error_class, **arguments)
        need(qmp.command('qom-list', path='/machine/peripheral') == listed, 'something was left behind')
        qmp.command('device_add', driver='virtio-rng-pci', id='x', bus='rp0')
        refused(qmp, 'device_add', 'GenericError', driver='virtio-rng-pci', id='x', bus='rp0')
        qmp.command('device_del', id='x')
        qmp.command('system_reset')
        need(qmp.wait_event('DEVICE_DELETED')['data'] == {'device': 'x', 'path': '/machine/peripheral/x'}, 'the event')
        refused(qmp, 'device_del', 'DeviceNotFound', id='x')
        need(qmp.command('qom-list', path='/machine/peripheral') == listed, 'it is still there')


def test_numa_by_monitor(binary):
    """set-numa-node before the machine is made."""
    extra = ['-smp', '2,sockets=2', '-object', 'memory-backend-ram,id=ram,size=128M', '-preconfig']
    with qmp_client.Process(binary, *PAUSED[1:], *extra) as process:
        qmp = process.connect().negotiate()
        for arguments in ({'type': 'node', 'nodeid': 0, 'memdev': 'ram'}, {'type': 'node', 'nodeid': 1},
                          {'type': 'cpu', 'node-id': 0, 'socket-id': 1}, {'type': 'cpu', 'node-id': 1, 'socket-id': 0}):
            qmp.send('set-numa-node', arguments)
            need(qmp.reply() == {'return': {}}, f'{arguments}')
        qmp.command('x-exit-preconfig')
        places = {p['props']['socket-id']: p['props']['node-id'] for p in qmp.command('query-hotpluggable-cpus')}
        need(places == {0: 1, 1: 0}, f'{places}')
        refused(qmp, 'set-numa-node', 'GenericError', type='node')


def test_slow_reader(binary):
    """A client that never reads costs bounded memory and delays nobody."""
    with tempfile.TemporaryDirectory() as folder:
        extra = ['-chardev', f'socket,id=c,path={folder}/c,server=on,wait=off', '-mon', 'chardev=c,mode=control']
        with qmp_client.Process(binary, *PAUSED, *extra) as process:
            qmp = process.connect().negotiate()
            slow = socket.socket(socket.AF_UNIX)
            slow.connect(f'{folder}/c')
            slow.setblocking(False)
            slow_text = b'{"execute": "qmp_capabilities"}' + b'{"execute": "query-qmp-schema"}' * 1000
            before = resident(process.process.pid)
            end = time.monotonic() + 2
            while time.monotonic() < end:
                try:
                    slow.send(slow_text)
                except BlockingIOError:
                    pass
                qmp.command('query-status')
            for _ in range(300):
                qmp.command('cont')
                qmp.command('stop')
            grown = resident(process.process.pid) - before
            need(grown < 20 << 20, f'{grown >> 20} MiB more')


def resident(pid):
    with open(f'/proc/{pid}/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def main():
    binary, names = sys.argv[1], sys.argv[2:]
    harness.need_kvm()
    tests = {name[5:]: test for name, test in globals().items() if name.startswith('test_')}
    failed = 0
    for name in names or tests:
        try:
            tests[name](binary)
            print(f'{name}: passed')
        except (Failure, qmp_client.QmpError, EOFError, TimeoutError, AssertionError) as error:
            failed += 1
            print(f'{name}: FAILED: {type(error).__name__} {error}')
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
