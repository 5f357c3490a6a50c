"""What libvirt reads of the replies that it asks for, and the comparison of a reply with a recorded one.

A shape is None (any value of the recorded type), a dict of members that are read, or [key, shape] for lists: elements are paired by the
members that `key` names, and every recorded one must be there. Members that the recording does not have are not asked for."""

ANY = None
STATS = {'rd_bytes': ANY, 'wr_bytes': ANY, 'rd_operations': ANY, 'wr_operations': ANY, 'rd_total_time_ns': ANY, 'wr_total_time_ns': ANY,
         'flush_operations': ANY, 'flush_total_time_ns': ANY, 'wr_highest_offset': ANY}
IMAGE = {'virtual-size': ANY, 'filename': ANY, 'format': ANY, 'actual-size': ANY}
NODE = {'node-name': ANY, 'drv': ANY, 'ro': ANY, 'file': ANY, 'image': IMAGE, 'write_threshold': ANY, 'backing_file_depth': ANY, 'encrypted': ANY,
        'iops': ANY, 'iops_rd': ANY, 'iops_wr': ANY, 'bps': ANY, 'bps_rd': ANY, 'bps_wr': ANY, 'detect_zeroes': ANY}
PLACE = {'socket-id': ANY, 'core-id': ANY, 'thread-id': ANY}

READS = {
    'query-version': {'qemu': {'major': ANY, 'minor': ANY, 'micro': ANY}, 'package': ANY},
    'query-target': {'arch': ANY},
    'query-kvm': {'enabled': ANY, 'present': ANY},
    'query-status': {'running': ANY, 'status': ANY},
    'query-chardev': ['label', {'filename': ANY, 'frontend-open': ANY}],
    'query-hotpluggable-cpus': ['props.socket-id props.core-id props.thread-id', {'type': ANY, 'vcpus-count': ANY, 'qom-path': ANY, 'props': PLACE}],
    'query-cpus-fast': ['cpu-index', {'thread-id': ANY, 'qom-path': ANY, 'props': PLACE, 'target': ANY}],
    'query-iothreads': ['id', {'thread-id': ANY, 'poll-max-ns': ANY}],
    'query-balloon': {'actual': ANY},
    'query-stats-schemas': ['provider target', {'stats': ANY}],
    'query-named-block-nodes': ['node-name', NODE],
    'query-block': ['qdev', {'device': ANY, 'removable': ANY, 'locked': ANY, 'tray_open': ANY, 'io-status': ANY, 'inserted': NODE}],
    'query-jobs': ['id', {'type': ANY, 'status': ANY, 'current-progress': ANY, 'total-progress': ANY}],
    'query-block-jobs': ['device', {'type': ANY, 'len': ANY, 'offset': ANY, 'busy': ANY, 'paused': ANY, 'speed': ANY, 'io-status': ANY, 'ready': ANY,
                                    'status': ANY}],
    'query-dirty-rate': {'status': ANY, 'start-time': ANY, 'calc-time': ANY, 'mode': ANY},
    'query-cpu-model-expansion': {'model': {'name': ANY, 'props': {}}},
}


def kind(value):
    """Types as JSON and libvirt tell them apart: true is no number."""
    if isinstance(value, bool):
        return 'bool'
    if isinstance(value, (int, float)):
        return 'number'
    return type(value).__name__


def member(value, path):
    for name in path.split('.'):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def differences(recorded, given, shape, where='return'):
    """Lines about what libvirt would miss; empty when it would not notice."""
    if kind(recorded) != kind(given):
        return [f'{where} is of type {kind(given)}, not {kind(recorded)}']
    if isinstance(shape, list):
        return list_differences(recorded, given, shape, where)
    out = []
    for name, below in (shape or {}).items():
        if name not in recorded:
            continue
        if name not in given:
            out.append(f'{where}.{name} is missing')
        else:
            out += differences(recorded[name], given[name], below, f'{where}.{name}')
    return out


def list_differences(recorded, given, shape, where):
    names, below = shape
    def key(element):
        return tuple(str(member(element, name)) for name in names.split())
    here = {key(element): element for element in given}
    out = []
    for element in recorded:
        if key(element) not in here:
            out.append(f'{where} has no element {"/".join(key(element))}')
        else:
            out += differences(element, here[key(element)], below, f'{where}[{"/".join(key(element))}]')
    return out
