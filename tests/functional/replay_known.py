"""What penumbra has not by design, as the replay of libvirt's conversations meets it, and the replies whose shape is more than a tree of members."""
import json
import re

from replay_shapes import kind

NO_DEVICE = r"'{}' is not a valid device model name"

# (what the command line has, the one line that it gets)
REFUSED = [
    (r'^-accel tcg$|accel=tcg$', r'there is no such accelerator'),
    (r'^-vnc ', r'-vnc .*: there is no display in this version'),
    (r'^-incoming ', r'-incoming: there is no migration in this version'),
    (r'^-loadvm ', r'-loadvm: there is no migration in this version'),
    (r'^-machine .*smm=on', r"-machine smm=on: this version has no system management mode|there is no device 'cfi.pflash01'"),
    (r'^-object .*"sev-guest"', r"could not open sev-device|this host does not offer VM type 'sev"),
    (r'^-object .*sev-snp-guest', r"this host does not offer VM type 'sev-snp'|lsec0: id-block has version 1397903696, expected 1"),
    (r'^-object .*tdx-guest', r"this host does not offer VM type 'tdx'"),
    (r'^-object .*sw-protected-vm|^-machine .*sw-protected-vm', r"this host does not offer VM type 'sw-protected-vm'"),
] + [(rf'^-device .*{name}', NO_DEVICE.format(name)) for name in (
    'VGA', 'virtio-vga', 'bochs-display', 'virtio-gpu-pci', 'qxl-vga', 'qemu-xhci', 'ich9-usb-ehci1', 'piix3-usb-uhci', 'usb-tablet', 'usb-kbd',
    'vhost-vsock-pci', 'vhost-user-fs-pci', 'tpm-crb', 'tpm-tis', 'vfio-pci', 'ich9-intel-hda')]

# Types that recordings ask about and this version does not have.
ABSENT_TYPES = {
    'PIIX4_PM', 'VGA', 'nvdimm', 'qxl', 'usb-host', 'usb-redir', 'usb-storage', 'vfio-pci', 'vhost-user-fs-device', 'vmware-svga',
    'virtio-balloon-device', 'virtio-gpu-device', 'virtio-gpu-pci', 'virtio-iommu-pci', 'virtio-mem-pci'}

# Commands that are not there, as with an emulator that was built without what they belong to: CommandNotFound, and query-commands has none.
ABSENT_COMMANDS = {
    'query-tpm-models': 'TPM', 'query-tpm-types': 'TPM', 'query-sgx-capabilities': 'SGX', 'screendump': 'displays',
    'migrate-incoming': 'migration', 'migrate-set-parameters': 'migration', 'query-dirty-rate': 'dirty rates', 'calc-dirty-rate': 'dirty rates'}
# Commands that are there and say no (GenericError).
REFUSING_COMMANDS = {
    'query-sev-capabilities': 'SEV of this host', 'query-sev': 'SEV of this host', 'query-sev-launch-measure': 'SEV of this host',
    'migrate': 'migration', 'migrate-set-capabilities': 'migration', 'transaction': 'dirty bitmaps'}

# Of types that are here: the properties that libvirt looks for.
PROPERTIES = {
    'virtio-blk-pci': ['queue-size'], 'scsi-hd': ['channel', 'wwn', 'rotation_rate'], 'ide-hd': ['wwn'], 'kvm-pit': ['lost_tick_policy'],
    'ICH9-LPC': ['disable_s3', 'disable_s4', 'noreboot'], 'virtio-balloon-pci': ['free-page-reporting'], 'pcie-root-port': ['hotplug'],
    'memory-backend-file': ['share', 'size', 'discard-data', 'pmem', 'align', 'prealloc', 'host-nodes', 'policy'],
    'memory-backend-memfd': ['hugetlb', 'hugetlbsize', 'share', 'size'],
    'none-machine': ['confidential-guest-support']}

# The types without which libvirt refuses domains that this version runs.
TYPES = ['pcie-root-port', 'isa-serial', 'rng-random', 'rng-builtin', 'virtio-rng-pci', 'memory-backend-memfd', 'memory-backend-file', 'iothread',
         'pvpanic', 'virtio-scsi-pci', 'virtio-blk-pci', 'virtio-net-pci', 'virtio-balloon-pci', 'virtio-serial-pci', 'scsi-hd', 'ide-cd', 'secret',
         'virtio-net-pci-non-transitional', 'virtio-blk-pci-non-transitional', 'max-x86_64-cpu', 'host-x86_64-cpu', 'sw-protected-vm']

# Paths into query-qmp-schema that decide how libvirt writes its options.
SCHEMA_PATHS = ['device_add/$json-cli-hotplug', 'object-add/arg-type/qom-type/^secret', 'netdev_add/arg-type/type/^dgram', 'netdev_add/arg-type/+user',
                'query-named-block-nodes/arg-type/flat', 'query-hotpluggable-cpus/ret-type/props/die-id', 'query-iothreads/ret-type/poll-max-ns',
                'blockdev-add/arg-type/+file/aio/^io_uring', 'object-add/arg-type/+iothread/thread-pool-max',
                'blockdev-add/arg-type/+file/locking', 'netdev_add/arg-type/+stream']


def refused_command_line(argv):
    """A pattern of the line that refuses it, or None."""
    pairs = [f'{word} {argv[at + 1] if at + 1 < len(argv) else ""}' for at, word in enumerate(argv) if word.startswith('-')]
    lines = [line for have, line in REFUSED if any(re.search(have, pair) for pair in pairs)]
    return '|'.join(lines) or None


def different_reply(name, arguments, recorded, reply, listed):
    """Why the reply may differ from the recorded one, or None."""
    refused = reply.get('error', {}).get('class')
    if refused == 'CommandNotFound' and name in ABSENT_COMMANDS:
        return f'belongs to {ABSENT_COMMANDS[name]}'
    if refused == 'GenericError' and name in REFUSING_COMMANDS:
        return f'belongs to {REFUSING_COMMANDS[name]}'
    if name in ('device-list-properties', 'qom-list-properties'):
        if refused == 'DeviceNotFound' and arguments['typename'] in ABSENT_TYPES:
            return f'no {arguments["typename"]}'
        if not refused and recorded.get('error', {}).get('class') == 'DeviceNotFound':
            return f'{arguments["typename"]}, which the recorded emulator had not'
    if name == 'qom-get' and refused and arguments['property'] not in listed.get(arguments['path'], {arguments['property']}):
        return 'the property is not in qom-list, so libvirt would not ask'
    if name == 'query-cpu-model-expansion' and refused and 'hv-passthrough' in json.dumps(arguments):
        return 'no Hyper-V enlightenments'
    if name in ('blockdev-del', 'netdev_del', 'blockdev-add', 'netdev_add') and refused == 'GenericError' and re.search(
            'in use|uses|already', reply['error']['desc']):
        return 'the guest, which halts, has not let the device go'
    if name == 'device_del' and not refused and 'not supported device type' in recorded.get('error', {}).get('desc', ''):
        return 'processors can be unplugged here'
    if name == 'human-monitor-command' and re.search('vm "', arguments['command-line']):
        return 'internal snapshots'
    return None


# Shapes that need more than READS.


def names_of(elements, member='name'):
    return {element[member] for element in elements}


def check_types(_arguments, _recorded, given):
    have = names_of(given)
    return [f'{name} is not listed' for name in TYPES if name not in have]


def check_properties(arguments, recorded, given):
    have = names_of(given)
    wanted = set(PROPERTIES.get(arguments['typename'], [])) & names_of(recorded)
    wrong = [f'{arguments["typename"]} has no {name}' for name in sorted(wanted) if name not in have]
    return wrong + [f'{element} is no property' for element in given if not isinstance(element.get('type'), str)]


def check_objects(arguments, recorded, given):
    """Ids of devices, and that an object is one; what else it has is not looked at."""
    here = {element['name']: element['type'] for element in given}
    if arguments['path'] != '/machine/peripheral':
        wanted = {'realized', 'type', 'unavailable-features', 'guest-stats', 'guest-stats-polling-interval'} & names_of(recorded)
        return [f'{name} is not listed' for name in wanted if name not in here]
    return [f'{one["name"]} is not listed as {one["type"]}' for one in recorded
            if one['type'].startswith('child<') and here.get(one['name']) != one['type']]


def check_machines(_arguments, _recorded, given):
    q35 = [machine for machine in given if 'q35' in (machine['name'], machine.get('alias'))]
    if not q35:
        return ['no machine q35']
    wanted = {'cpu-max': int, 'hotpluggable-cpus': bool, 'default-ram-id': str, 'default-cpu-type': str, 'numa-mem-supported': bool}
    return [f'q35 has no {name}' for name, type_ in wanted.items() if type(q35[0].get(name)) is not type_]


def check_models(_arguments, recorded, given):
    here = {model['name']: model for model in given}
    fields = ('typename', 'unavailable-features')
    missing = [f'no model {name}' for name in sorted(names_of(recorded)) if name not in here]
    return missing + [f'{name} has no {field}' for name, model in here.items() for field in fields if field not in model]


def check_options(_arguments, _recorded, given):
    here = {option['option']: names_of(option['parameters']) for option in given}
    out = [f'no option {name}' for name in ('sandbox', 'machine', 'name', 'smp-opts', 'memory') if name not in here]
    # With it libvirt 9.0 refuses to switch the timer on.
    return out + (['machine lists hpet'] if 'hpet' in here.get('machine', ()) else [])


def check_capabilities(_arguments, _recorded, given):
    good = all(isinstance(one.get('capability'), str) and isinstance(one.get('state'), bool) for one in given)
    return [] if good and 'events' in names_of(given, 'capability') else ['no capability events']


def check_commands(_arguments, _recorded, given):
    wanted = {'query-hotpluggable-cpus', 'query-cpu-definitions', 'query-cpu-model-expansion', 'set-action', 'human-monitor-command'}
    return [f'{name} is not listed' for name in sorted(wanted - names_of(given))] + \
        [f'{name} is listed' for name in sorted(set(ABSENT_COMMANDS) & names_of(given))]


def check_statistics(arguments, _recorded, given):
    """The recorded emulator counted nothing, as it did not use KVM."""
    wanted = {name for one in arguments.get('providers', []) for name in one.get('names', [])}
    out = []
    for one in given:
        if one['provider'] != 'kvm' or ('qom-path' in one) != (arguments['target'] == 'vcpu'):
            out.append(f'{one} is of the wrong kind')
        here = names_of(one['stats'])
        if wanted and here != wanted or not here:
            out.append(f'{sorted(here)} where {sorted(wanted)} was asked for')
        out += [f'{stat} has no value' for stat in one['stats'] if not isinstance(stat['value'], (int, list))]
    return out


def check_property(arguments, recorded, given):
    return [] if kind(recorded) == kind(given) else [f'{arguments["property"]} is of type {kind(given)}, not {kind(recorded)}']


def check_expansion(_arguments, recorded, given):
    """Features that are on where they were recorded may be off here; their types are the same."""
    props, here = recorded['model'].get('props', {}), given['model'].get('props')
    if not isinstance(here, dict):
        return ['no props']
    wrong = [f'{name} is of type {kind(here[name])}' for name in props if name in here and kind(here[name]) != kind(props[name])]
    wanted = {'vendor', 'family', 'model', 'stepping', 'model-id', 'fpu', 'sse4.1', 'avx'} & set(props)
    return wrong + [f'no {name}' for name in sorted(wanted - set(here))]


def follow(entries, path):
    """Whether the schema has what a path names: member, +variant, ^enum value, $feature."""
    steps = path.split('/')
    entry = entries.get(steps[0])
    for step in steps[1:]:
        if entry is None:
            return False
        if step.startswith('$'):
            return step[1:] in entry.get('features', ())
        while entry.get('meta-type') == 'array':
            entry = entries[entry['element-type']]
        if step.startswith('^'):
            return step[1:] in entry.get('values', ())
        if step in ('arg-type', 'ret-type'):
            entry = entries.get(entry.get(step))
        elif step.startswith('+'):
            found = [variant['type'] for variant in entry.get('variants', ()) if variant['case'] == step[1:]]
            entry = entries[found[0]] if found else None
        else:
            found = [member['type'] for member in entry.get('members', ()) if member['name'] == step]
            entry = entries[found[0]] if found else None
    return entry is not None


def check_schema(_arguments, recorded, given):
    here, there = ({entry['name']: entry for entry in schema} for schema in (given, recorded))
    out = [f'{path} is not there' for path in SCHEMA_PATHS if (follow(there, path) or 'thread-pool' in path) and not follow(here, path)]
    return out + [f'{entry["name"]} has no meta-type' for entry in given if 'meta-type' not in entry]


SPECIAL = {
    'qom-list-types': check_types, 'device-list-properties': check_properties, 'qom-list-properties': check_properties, 'qom-list': check_objects,
    'query-machines': check_machines, 'query-cpu-definitions': check_models, 'query-command-line-options': check_options,
    'query-migrate-capabilities': check_capabilities, 'query-commands': check_commands, 'qom-get': check_property,
    'query-stats': check_statistics, 'query-cpu-model-expansion': check_expansion, 'query-qmp-schema': check_schema}
