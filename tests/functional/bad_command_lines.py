#!/usr/bin/env python3
"""Wrong command lines: each gives one line on stderr that names what is wrong, and status 1. usage: bad_command_lines.py PENUMBRA

A row is the command line, then words that the line must contain.
"""
import concurrent.futures
import os
import shlex
import sys

import harness

Q = '-machine q35 '
SP = '-object sw-protected-vm,id=sp '
FIRMWARE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'vectors', 'fw-give-64k.fd')
TDX = '-object tdx-guest,id=td0'
TDX_MACHINE = f' -bios {FIRMWARE} -machine q35,confidential-guest-support=td0'
RAM = '-object memory-backend-ram,id=m,size=512M '

ROWS = [
    # unknown and malformed options
    ('-machnie q35', '-machnie', '-machine'),
    ('-frobnicate', '-frobnicate'),
    ('--no-such', 'no-such'),
    ('disk.img', 'disk.img'),
    ('-machine', '-machine'),
    ('-m', '-m'),
    ('-object', '-object'),
    ('-smp', '-smp'),
    ('-append', '-append'),
    # machine
    ('-machine pc', 'pc', 'q35'),
    ('-machine q36', 'q36', 'q35'),
    (Q.strip() + ',nonsense=1', 'nonsense'),
    (Q.strip() + ',kernel_irqchip=maybe', 'kernel', 'irqchip', 'maybe', 'split'),
    (Q.strip() + ',smm=perhaps', 'smm', 'perhaps'),
    (Q.strip() + ',smm=on', 'smm'),
    (Q.strip() + ',accel=tcg', 'tcg', 'kvm'),
    (Q.strip() + ',accel=', 'accel'),
    (Q.strip() + ',memory-backend=nothere', 'nothere'),
    (Q.strip() + ',confidential-guest-support=nothere', 'nothere'),
    (Q.strip() + ',kvm-type=sev', 'sev'),
    (Q.strip() + ',hpet=7', 'hpet', '7'),
    (Q.strip() + ',usb=on', 'usb'),
    (Q.strip() + ',vmport=on', 'vmport'),
    (Q.strip() + ',max-ram-below-4g=3.5G', 'max-ram-below-4g'),
    (Q.strip() + ',max-ram-below-4g=abc', 'max-ram-below-4g', 'abc'),
    (Q.strip() + ',dump-guest-core=2', 'dump-guest-core'),
    (Q.strip() + ',mem-merge=yesno', 'mem-merge'),
    (SP + '-machine q35,smm=on,confidential-guest-support=sp', 'smm'),
    (SP + RAM + '-m 512 -machine q35,kernel_irqchip=on,confidential-guest-support=sp,kvm-type=default', 'kvm-type'),
    ('-accel tcg', 'tcg', 'kvm'),
    ('-accel kvm,nonsense=on', 'nonsense'),
    ('-accel xen', 'xen'),
    # memory
    ('-m 0', '-m', '0'),
    ('-m -5', '-5'),
    ('-m 12monkeys', '12monkeys'),
    ('-m 5Z', '5Z'),
    ('-m 512,slots=x', 'slots'),
    ('-m 512,slots=2', 'maxmem'),
    ('-m 512,slots=2,maxmem=512M', 'slots'),
    ('-m 1G,slots=2,maxmem=512M', 'maxmem'),
    ('-m 512,size=1G,frob=2', 'frob'),
    ('-m 99999999999999999999', '-m'),
    ('-m 16E', '-m'),
    (RAM + '-m 1G -machine q35,memory-backend=m', '-m'),
    # objects
    ('-object nothing,id=a', 'nothing'),
    ('-object memory-backend-rma,id=a,size=1G', 'memory-backend-rma', 'memory-backend-ram'),
    ('-object memory-backend-ram,size=1G', 'id'),
    ('-object memory-backend-ram,id=a', 'size'),
    ('-object memory-backend-ram,id=a,size=', 'size'),
    ('-object memory-backend-ram,id=a,size=big', 'size', 'big'),
    ('-object memory-backend-ram,id=a,size=0', 'size'),
    ('-object memory-backend-ram,id=a,size=1000', 'size', '4 KiB'),
    ('-object memory-backend-ram,id=a,size=1G,sizee=2G', 'sizee', 'size'),
    ('-object memory-backend-ram,id=a,size=1G,share=perhaps', 'share', 'perhaps'),
    ('-object memory-backend-ram,id=a,size=1G,mem-path=/tmp', 'mem-path'),
    ('-object memory-backend-ram,id=a,size=1G,hugetlb=on', 'hugetlb'),
    ('-object memory-backend-ram,id=a,size=1G,prealloc-threads=0', 'prealloc-threads'),
    ('-object memory-backend-ram,id=a,size=1G,prealloc-threads=-1', 'prealloc-threads'),
    ('-object memory-backend-ram,id=a,size=1G,prealloc-context=t', 'prealloc-context'),
    ('-object memory-backend-ram,id=a,size=1G,prealloc=on,reserve=off', 'reserve'),
    ('-object memory-backend-ram,id=a,size=1G,policy=bind', 'host-nodes'),
    ('-object memory-backend-ram,id=a,size=1G,policy=near,host-nodes=0', 'policy', 'near'),
    ('-object memory-backend-ram,id=a,size=1G,host-nodes=0', 'host-nodes', 'policy'),
    ('-object memory-backend-ram,id=a,size=1G,policy=bind,host-nodes=999', 'host-nodes', '999'),
    ('-object memory-backend-ram,id=a,size=1G,policy=bind,host-nodes=x', 'host-nodes'),
    ('-object memory-backend-ram,id=a,size=64M -object memory-backend-ram,id=a,size=64M', 'a'),
    ('-object memory-backend-ram,id=9a,size=1G', '9a'),
    ('-object "memory-backend-ram,id=a b,size=1G"', 'id'),
    ('-object memory-backend-file,id=a,size=1G', 'mem-path'),
    ('-object memory-backend-file,id=a,size=64M,mem-path=/tmp,pmem=on', 'pmem'),
    ('-object memory-backend-file,id=a,size=64M,mem-path=/tmp,readonly=on', 'read-only'),
    ('-object memory-backend-file,id=a,size=64M,mem-path=/tmp,rom=on', 'rom'),
    ('-object memory-backend-memfd,id=a,size=64M,hugetlbsize=2M', 'hugetlb'),
    ('-object memory-backend-memfd,id=a,size=64M,hugetlb=on,hugetlbsize=3M', 'hugetlbsize'),
    ('-object memory-backend-memfd,id=a,size=64M,guest-memfd=on', 'share'),
    ('-object memory-backend-memfd,id=a,size=64M,guest-memfd=on,share=on,hugetlb=on', 'hugetlb', 'guest_memfd'),
    ('-object memory-backend-guest-memfd,id=a,size=64M,share=off', 'share'),
    ('-object memory-backend-guest-memfd,id=a,size=64M,merge=on', 'merge'),
    ('-object memory-backend-guest-memfd,id=a,size=64M,private=on', 'private'),
    ('-object memory-backend-guest-memfd,id=a,size=64M,hugetlb=on', 'hugetlb'),
    (RAM + '-m 512 -machine q35,memory-backend=m -object memory-backend-ram,id=z,size=64M,private=on', 'private=on'),
    ('-object memory-backend-ram,id=m,size=512M,private=on -m 512 -machine q35,memory-backend=m', 'private=on'),
    (SP + '-object memory-backend-guest-memfd,id=m,size=512M -m 512 '
     '-machine q35,memory-backend=m,confidential-guest-support=sp', 'guest_memfd'),
    ('-object sw-protected-vm', 'id'),
    ('-object sw-protected-vm,id=a,default-memory=both', 'default-memory', 'both'),
    ('-object sw-protected-vm,id=a,policy=1', 'policy'),
    (SP + SP, 'sp'),
    (TDX + ',mrowner=AAAA' + TDX_MACHINE, 'mrowner', '3 bytes', '48'),
    (TDX + ',mrconfigid=!' + TDX_MACHINE, 'mrconfigid'),
    (TDX + ',attributes=1024' + TDX_MACHINE, '0x400'),
    (TDX + ',policy=1', 'policy'),
    (TDX + ',quote-generation-socket.type=vsock,quote-generation-socket.cid=x,quote-generation-socket.port=1' + TDX_MACHINE, 'cid'),
    (TDX + TDX_MACHINE + ',smm=on', 'smm=on'),
    (TDX + TDX_MACHINE + ',kernel_irqchip=on', 'kernel_irqchip=on', 'td0'),
    (TDX + TDX_MACHINE + ',kernel_irqchip=off', 'kernel_irqchip=off', 'td0'),
    (TDX + ' -machine q35,confidential-guest-support=td0', '-bios', 'td0'),
    ("-object '{'", '-object'),
    ("-object '{\"qom-type\":\"memory-backend-ram\"}'", 'id'),
    ("-object '{\"qom-type\":\"memory-backend-ram\",\"id\":\"a\",\"size\":\"1G\"}'", 'size'),
    ("-object '{\"qom-type\":\"memory-backend-ram\",\"id\":\"a\",\"size\":1048576,\"shared\":true}'", 'shared'),
    ("-object '{\"qom-type\":\"nothing\",\"id\":\"a\"}'", 'nothing'),
    ("-object '{\"qom-type\":\"memory-backend-ram\",\"id\":\"a\",\"size\":-4096}'", 'size'),
    ("-object '[1]'", '-object'),
    # processors
    ('-smp 0', '-smp'),
    ('-smp -1', '-smp'),
    ('-smp two', '-smp'),
    ('-smp 2,sockets=3', '-smp'),
    ('-smp 4,maxcpus=2', 'maxcpus'),
    ('-smp 100000', '-smp'),
    ('-smp 2,books=2', 'books'),
    ('-smp 4,clusters=2', 'clusters'),
    ('-cpu nosuch', 'nosuch'),
    ('-cpu haswel', 'haswel', 'Haswell'),
    ('-cpu qemu64,+nosuchfeature', 'nosuchfeature'),
    ('-cpu qemu64,sse9=on', 'sse9'),
    ('-cpu qemu64,phys-bits=99', 'phys-bits'),
    ('-cpu qemu64,level=x', 'level'),
    ('-cpu host,family=abc', 'family'),
    ('-cpu "Haswell,vendor=TooLongAVendorName"', 'vendor'),
    ('-cpu ""', '-cpu'),
    # booting
    ('-bios /no/such/bios', '/no/such/bios'),
    ('-bios /tmp', '/tmp'),
    ('-kernel /no/such/kernel', '/no/such/kernel'),
    ('-kernel /etc/passwd', '/etc/passwd'),
    ('-initrd /etc/passwd', '-initrd', '-kernel'),
    ('-append quiet', '-append', '-kernel'),
    ('-dtb /etc/passwd', '-dtb', '-kernel'),
    # devices and character devices
    ('-device nosuch', 'nosuch'),
    ('-device isa-debugcon', 'chardev'),
    ('-device isa-debugcon,chardev=nothere', 'nothere'),
    ('-device isa-debugcon,iobase=0x10000,chardev=x', 'iobase'),
    ('-device isa-debug-exit,iobase=x', 'iobase'),
    ('-device isa-debug-exit,iosize=0', 'iosize'),
    ('-device isa-debug-exit,frob=1', 'frob'),
    ('-chardev stdio', 'id'),
    ('-chardev nosuch,id=a', 'nosuch'),
    ('-chardev file,id=a', 'path'),
    ('-chardev null,id=a -chardev null,id=a', 'a'),
    ('-chardev ringbuf,id=a,size=1000', 'size'),
    ('-chardev stdio,id=a -chardev stdio,id=b', 'stdio'),
    ('-serial nosuch', 'nosuch'),
    ('-serial chardev:nothere', 'nothere'),
    ('-serial file:/no/such/dir/log', '/no/such/dir/log'),
    ('-serial null -serial null -serial null -serial null -serial null', '-serial'),
    ('-debugcon nosuch', 'nosuch'),
    ('-display gtk', 'gtk'),
    ('-vga cirrus', 'cirrus'),
    # process
    ('-uuid 1234', '1234'),
    ('-name guest=a,frob=b', 'frob'),
    ('-d nosuchitem', 'nosuchitem'),
    ('-D /no/such/dir/log -d guest_errors', '/no/such/dir/log'),
    ('-trace nosuchevent', 'nosuchevent'),
    ('-msg frob=on', 'frob'),
    ('-msg timestamp=maybe', 'timestamp'),
    ('-pidfile /no/such/dir/pid', '/no/such/dir/pid'),
    ('-nodefaults=on', '-nodefaults'),
    # what comes later says so
    ('-drive file=x', '-drive'),
    ('-netdev user', 'id'),
    ('-qmp nosuch:1', '-qmp'),
    ('-incoming tcp:0:1', '-incoming'),
]


def judge(binary, row):
    line, *words = row
    status, out, err = harness.run([binary, *shlex.split(line)], timeout=30)
    lines = err.strip('\n').split('\n')
    bad = []
    if status != 1:
        bad.append(f'status {status}')
    if len(lines) != 1 or not lines[0].startswith('penumbra: '):
        bad.append('not one line')
    bad += [f'does not name "{word}"' for word in words if word.lower() not in err.lower()]
    if out:
        bad.append('stdout is not empty')
    return f'{line}\n    {"; ".join(bad)}\n    stderr: {err.strip()}' if bad else None


def main():
    binary = os.path.abspath(sys.argv[1])
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = [c for c in pool.map(lambda row: judge(binary, row), ROWS) if c]
    for complaint in complaints:
        print(complaint)
    print(f'{len(ROWS) - len(complaints)} passed, {len(complaints)} failed')
    if len(ROWS) < 100:
        sys.exit('too few rows')
    sys.exit(1 if complaints else 0)


if __name__ == '__main__':
    main()
