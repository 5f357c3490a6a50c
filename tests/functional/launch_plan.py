#!/usr/bin/env python3
"""-launch-plan from whole command lines against known answers, for 1 to 64 processors; what is refused. usage: launch_plan.py PENUMBRA

Known answers are tests/vectors/sev.json and, where PENUMBRA_LAUNCH_VECTORS names a directory, those of its vectors.json. The
digests for other numbers of processors are computed here from the recorded operations by the rules of AMD's interface documents.
"""
import hashlib
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import zlib

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"
# Vectors that are not part of the tree, as tests/vectors/README.md says.
MORE = pathlib.Path(os.environ.get("PENUMBRA_LAUNCH_VECTORS", VECTORS.parent.parent.parent / "shared" / "vectors"))
OVMF = pathlib.Path("/usr/share/ovmf/OVMF.fd")
PAGE = 4096
# Of save areas: SNP active, debug registers swapped.
FEATURES = {"0x1": "", "0x21": ",debug-swap=on"}


def fail(text):
    print("FAIL " + text)
    sys.exit(1)


def run(program, words):
    return subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def plan(program, words):
    done = run(program, [*words, "-launch-plan", "-"])
    if done.returncode != 0:
        fail(f"{' '.join(words)}: status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def find_file(name):
    if name == "OVMF.fd":
        return OVMF if OVMF.exists() else None
    for folder in (VECTORS, MORE):
        if (folder / name).exists():
            return folder / name
    return None


def vectors():
    files = [VECTORS / "sev.json"]
    if (MORE / "vectors.json").exists():
        files.append(MORE / "vectors.json")
    seen = {}
    for path in files:
        for vector in json.loads(path.read_text())["vectors"]:
            seen.setdefault(vector["id"], vector)
    return seen.values()


def machine_words(inputs, kind, properties):
    words = ["-accel", "kvm", "-machine", "q35,confidential-guest-support=cc0", "-nodefaults", "-display", "none", "-m", "512",
             "-object", f"{kind},id=cc0,reduced-phys-bits=1,cbitpos=51{properties}",
             "-smp", str(max(1, inputs["vcpus"])), "-cpu", inputs.get("vcpu_type") or "EPYC-v4"]
    firmware = find_file(inputs["firmware"])
    if firmware is None:
        return None
    if "firmware_sha256" in inputs and hashlib.sha256(firmware.read_bytes()).hexdigest() != inputs["firmware_sha256"]:
        return None
    words += ["-bios", str(firmware)]
    for name in ("kernel", "initrd"):
        if not inputs.get(name):
            continue
        found = find_file(inputs[name])
        if found is None:
            return None
        words += ["-" + name, str(found)]
    if inputs.get("kernel") and inputs.get("cmdline"):
        words += ["-append", inputs["cmdline"]]
    return words


def check_vectors(program):
    checked, skipped = [], []
    for vector in vectors():
        inputs = vector["inputs"]
        if vector["kind"] == "snp_launch_digest":
            properties = ",kernel-hashes=on" if inputs.get("kernel_hashes") else ""
            if inputs.get("vmm") != "qemu":
                skipped.append((vector["id"], f"the way of another hypervisor ({inputs.get('vmm')}); its digest is checked from its parts by known_answers.py"))
                continue
            if inputs.get("kernel") == "(empty file)":
                skipped.append((vector["id"], "its kernel is an empty file, which -kernel refuses; its digest is checked from its parts by known_answers.py"))
                continue
            properties += FEATURES[inputs["sev_features"]]
            words = machine_words(inputs, "sev-snp-guest", properties)
            name, answer = "launch-digest", vector["expected"]["launch_digest"]
        elif vector["kind"] == "sev_launch_measure":
            hashes = ",kernel-hashes=on" if inputs.get("kernel") else ""
            legacy = ",legacy-vm-type=off" if inputs.get("vmsa_fpu_synced") else ""
            words = machine_words(inputs, "sev-guest", f",policy={inputs['policy']}{hashes}{legacy}")
            name, answer = "sev-digest", vector["expected"]["launch_digest_sha256"]
        else:
            continue
        if words is None:
            skipped.append((vector["id"], "its files are not here"))
            continue
        got = plan(program, words)
        if got.get(name) != answer:
            fail(f"{vector['id']}: {name} is {got.get(name)}, expected {answer}")
        checked.append(vector["id"])
    print(f"ok   {len(checked)} known answers: {' '.join(checked)}")
    for name, why in skipped:
        print(f"skip {name}: {why}")
    if len(checked) < 12:
        fail(f"only {len(checked)} vectors were checked")


def snp_digest(firmware, operations, areas):
    """The chain of SHA-384 over PAGE_INFO structures; normal pages here are the firmware only."""
    digest = bytes(48)

    def add(kind, gpa, contents):
        nonlocal digest
        hashed = hashlib.sha384(contents).digest() if contents is not None else bytes(48)
        digest = hashlib.sha384(digest + hashed + struct.pack("<HBBIQ", 0x70, kind, 0, 0, gpa)).digest()

    for operation in operations:
        if operation["type"] == 2:
            continue
        for at in range(0, operation["len"], PAGE):
            contents = firmware[at:at + PAGE] if operation["type"] == 1 else None
            add(operation["type"], operation["gpa"] + at, contents)
    for area in areas:
        add(2, 0xfffffffff000, area)
    return digest.hex()


def check_vcpus(program):
    firmware = find_file("fw-give-64k.fd")
    boot, other = (VECTORS / f"vmsa-{name}-epycv4.bin" for name in ("bsp", "ap"))
    for count in range(1, 65):
        words = machine_words({"firmware": "fw-give-64k.fd", "vcpus": count}, "sev-snp-guest", "")
        got = plan(program, words)
        areas = [boot.read_bytes()] + [other.read_bytes()] * (count - 1)
        wanted = snp_digest(firmware.read_bytes(), got["operations"], areas)
        if got["launch-digest"] != wanted or len(got["vmsas"]) != count:
            fail(f"{count} processors: {got['launch-digest']}, expected {wanted}")
    print("ok   1 to 64 processors")


def check_sev_vcpus(program):
    """SEV measures the firmware alone; SEV-ES each save area as well, in the kernel's older form unless asked otherwise."""
    firmware = find_file("fw-give-64k.fd").read_bytes()
    boot, other = ((VECTORS / f"vmsa-{name}-epycv4.bin").read_bytes() for name in ("bsp", "ap"))

    def area(page, legacy):
        page = bytearray(page)
        page[0x3b0:0x3b8] = bytes(8)
        if legacy:
            page[0x408:0x412] = bytes(10)
        return bytes(page)

    if area(boot, True) != (VECTORS / "vmsa-bsp-epycv4-es-legacy.bin").read_bytes():
        fail("the save area of the older form")
    for policy, extra, legacy in ((1, "", None), (5, "", True), (5, ",legacy-vm-type=off", False)):
        for count in range(1, 65):
            words = machine_words({"firmware": "fw-give-64k.fd", "vcpus": count}, "sev-guest", f",policy={policy}{extra}")
            areas = [] if legacy is None else [area(boot, legacy)] + [area(other, legacy)] * (count - 1)
            wanted = hashlib.sha256(firmware + b"".join(areas)).hexdigest()
            got = plan(program, words)["sev-digest"]
            if got != wanted:
                fail(f"policy={policy}{extra}, {count} processors: {got}, expected {wanted}")
    print("ok   1 to 64 processors of SEV and SEV-ES")


def with_second_context(image, rip, features=1):
    """The same IGVM file with a context for processor 1: processor 0's, begun elsewhere."""
    at, size = struct.unpack_from("<II", image, 8)
    context, moved = 0x304, 32  # its header is inserted, what follows moves
    headers, end, page = bytearray(), at + size, None
    while at < end:
        kind, length = struct.unpack_from("<II", image, at)
        content = bytearray(image[at + 8:at + 8 + (length + 7) // 8 * 8])
        offset = struct.unpack_from("<I", content, 12)[0] if kind in (0x301, 0x302, context) else 0
        if offset:
            struct.pack_into("<I", content, 12, offset + moved)
        headers += struct.pack("<II", kind, length) + content
        if kind == context:
            page = bytearray(image[offset:offset + PAGE])
            struct.pack_into("<I", content, 12, len(image) + moved)
            struct.pack_into("<H", content, 16, 1)
            headers += struct.pack("<II", kind, length) + content
        at += 8 + len(content)
    struct.pack_into("<Q", page, 0x178, rip)
    struct.pack_into("<Q", page, 0x3b0, features)
    out = bytearray(image[:24]) + headers + image[end:] + page
    struct.pack_into("<II", out, 12, len(headers), len(out))
    struct.pack_into("<I", out, 20, 0)
    struct.pack_into("<I", out, 20, zlib.crc32(out[:24 + len(headers)]))
    return bytes(out)


def check_igvm(program):
    """An IGVM file says itself what is measured; other tools' digest of it."""
    golden = (VECTORS.parent / "golden" / "confidential" / "snp.igvm").read_bytes()

    def words_of(path, vcpus):
        return ["-object", "sev-snp-guest,id=cc0,reduced-phys-bits=1", "-machine", "q35,confidential-guest-support=cc0,igvm-cfg=i0",
                "-object", f"igvm-cfg,id=i0,file={path}", "-cpu", "EPYC-v4", "-m", "512", "-display", "none", "-smp", str(vcpus)]

    with tempfile.NamedTemporaryFile(suffix=".igvm") as file:
        def launch(image, vcpus):
            pathlib.Path(file.name).write_bytes(image)
            return plan(program, words_of(file.name, vcpus))

        got = launch(golden, 1)["launch-digest"]
        # Processors with a context of their own, and one without.
        areas = launch(with_second_context(golden, 0x4321), 3)["vmsas"]
        starts = [area["nonzero"]["0x178"] for area in areas]
        if starts[1:] != ["2143000000000000", "f0ff000000000000"] or len(areas) != 3:
            fail(f"contexts of other processors: {starts}")
        pathlib.Path(file.name).write_bytes(with_second_context(golden, 0x4321, features=0x21))
        done = run(program, [*words_of(file.name, 2), "-launch-plan", "-"])
        if done.returncode != 1 or "have features 0x1 and 0x21" not in done.stderr or done.stderr.count("\n") != 1:
            fail(f"contexts with other features: {done.stderr}")
    if got != "d62109bff4c3df8f4e2edc491e343735154b0a24a8ba2b76f4a9d0ffda4875d669c36465dd4bcdb14bff775712acf322":
        fail(f"the IGVM file: {got}")
    print("ok   an IGVM file")


def of_sev(image, kind, policy):
    """The SNP file as one for SEV (4) or SEV-ES (5), and what is measured of it besides save areas. Pages for SNP's hardware are none here."""
    image = bytearray(image)
    at, size = struct.unpack_from("<II", image, 8)
    end, measured, context = at + size, [], None
    while at < end:
        header, length = struct.unpack_from("<II", image, at)
        if header == 0x1:
            image[at + 8 + 5] = kind
        elif header == 0x101:
            struct.pack_into("<Q", image, at + 8, policy)
        elif header == 0x302:
            offset, flags, what = struct.unpack_from("<IIH", image, at + 8 + 12)
            if what != 0:
                struct.pack_into("<H", image, at + 8 + 20, 0)
            if not flags & 2:
                measured.append(bytes(image[offset:offset + PAGE]) if offset else bytes(PAGE))
        elif header == 0x304:
            offset = struct.unpack_from("<I", image, at + 8 + 12)[0]
            image[offset + 0x3b0:offset + 0x3b8] = bytes(8)
            context = bytearray(image[offset:offset + PAGE])
        at += 8 + (length + 7) // 8 * 8
    struct.pack_into("<I", image, 20, 0)
    struct.pack_into("<I", image, 20, zlib.crc32(image[:end]))
    return bytes(image), b"".join(measured), context


def check_igvm_of_sev(program):
    """SEV measures the file's pages, SEV-ES each processor's save area as well: the file's for the first, the reset state for the others."""
    golden = (VECTORS.parent / "golden" / "confidential" / "snp.igvm").read_bytes()
    with tempfile.NamedTemporaryFile(suffix=".igvm") as file:
        digests = {}
        for kind, policy, extra in ((4, 1, ""), (5, 5, ""), (5, 5, ",legacy-vm-type=off")):
            image, pages, context = of_sev(golden, kind, policy)
            pathlib.Path(file.name).write_bytes(image)
            for vcpus in (1, 2, 4):
                words = ["-object", f"sev-guest,id=cc0,reduced-phys-bits=1,policy={policy}{extra}", "-machine", "q35,confidential-guest-support=cc0,igvm-cfg=i0",
                         "-object", f"igvm-cfg,id=i0,file={file.name}", "-cpu", "EPYC-v4", "-m", "512", "-display", "none", "-smp", str(vcpus)]
                got = plan(program, words)
                digests[policy, extra, vcpus] = got["sev-digest"]
                said = [operation["op"] for operation in got["operations"]]
                areas = said.count("sev_launch_update_vmsa")
                if areas != (vcpus if policy == 5 else 0) or (areas and set(said[-areas:]) != {"sev_launch_update_vmsa"}) or "launch-measure" not in got:
                    fail(f"an IGVM file for policy={policy}{extra}, {vcpus} processors: {said}")
                if policy == 1 and got["sev-digest"] != hashlib.sha256(pages).hexdigest():
                    fail(f"an IGVM file for SEV: {got['sev-digest']}")
                if policy == 5 and not extra and vcpus == 1:
                    context[0x408:0x412] = bytes(10)
                    if got["sev-digest"] != hashlib.sha256(pages + context).hexdigest():
                        fail(f"an IGVM file for SEV-ES: {got['sev-digest']}")
        if len({digests[1, "", vcpus] for vcpus in (1, 2, 4)}) != 1 or len({value for key, value in digests.items() if key[0] == 5}) != 6:
            fail(f"digests of IGVM files by the number of processors: {digests}")
    print("ok   IGVM files for SEV and SEV-ES")


def check_starts_nothing(program):
    """A plan of a line full of back ends: none is opened, and no file is made but the plan."""
    firmware = find_file("fw-give-64k.fd")
    with tempfile.TemporaryDirectory(prefix="penumbra-plan.") as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        here = pathlib.Path(folder)
        (here / "here.raw").write_bytes(bytes(1 << 20))
        words = machine_words({"firmware": "fw-give-64k.fd", "vcpus": 2}, "sev-snp-guest", "")
        wanted = plan(program, words)["launch-digest"]
        words[words.index("-nodefaults")] = "-S"
        words[words.index("q35,confidential-guest-support=cc0")] += ",memory-backend=m0"
        words += ["-daemonize", "-pidfile", f"{folder}/pid", "-D", f"{folder}/log", "-preconfig",
                  "-chardev", f"socket,id=c0,path={folder}/c0,server=on,wait=on", "-mon", "c0,mode=control",
                  "-qmp", f"tcp:127.0.0.1:{port},server=on,wait=on", "-monitor", f"unix:{folder}/hmp,server=on,wait=off",
                  "-serial", f"file:{folder}/serial", "-serial", "pty", "-serial", f"tcp:127.0.0.1:{port},server=on",
                  "-blockdev", f"driver=raw,node-name=r0,file.driver=file,file.filename={folder}/nowhere.raw,file.node-name=f0",
                  "-device", "virtio-blk-pci,drive=r0", "-drive", f"file={folder}/here.raw,format=raw,if=none,id=d1", "-device", "ide-hd,drive=d1",
                  "-drive", f"file={folder}/nowhere.qcow2,if=virtio", "-cdrom", f"{folder}/nowhere.iso",
                  "-netdev", f"user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:22", "-device", "virtio-net-pci,netdev=n0",
                  "-netdev", "tap,id=n1,ifname=penumbra-none,script=/no/such", "-device", "virtio-net-pci,netdev=n1",
                  "-netdev", f"stream,id=n2,server=on,addr.type=unix,addr.path={folder}/net", "-device", "virtio-net-pci,netdev=n2",
                  "-object", "rng-random,id=g0,filename=/no/such", "-device", "virtio-rng-pci,rng=g0",
                  "-object", f"secret,id=s0,file={folder}/secret",
                  "-object", f"memory-backend-file,id=m0,size=512M,mem-path={folder}/memory,share=on",
                  "-object", "iothread,id=io0", "-launch-plan", f"{folder}/plan"]
        done = run(program, words)
        if done.returncode != 0:
            fail(f"a plan with back ends: status {done.returncode}: {done.stderr}")
        made = sorted(path.name for path in here.iterdir())
        if made != ["here.raw", "plan"]:
            fail(f"a plan left {made}")
        if json.loads((here / "plan").read_text())["launch-digest"] != wanted:
            fail("back ends changed the measurement")
        taken.setblocking(False)
        try:
            taken.accept()
            fail("a plan connected to a socket")
        except BlockingIOError:
            pass
        # Firmware in flash is measured as it is, and not opened for writing.
        flash = here / "flash.fd"
        flash.write_bytes(firmware.read_bytes())
        flash.chmod(0o444)
        words = ["-accel", "kvm", "-machine", "q35,confidential-guest-support=cc0,pflash0=p0", "-nodefaults", "-display", "none", "-m", "512",
                 "-object", "sev-guest,id=cc0,reduced-phys-bits=1", "-blockdev", f"driver=file,node-name=pf,filename={flash}",
                 "-blockdev", "driver=raw,node-name=p0,file=pf"]
        drive = [word.replace(",pflash0=p0", "") for word in words[:-4]] + ["-drive", f"if=pflash,format=raw,file={flash}"]
        for line in (words, drive):
            if plan(program, line)["sev-digest"] != hashlib.sha256(firmware.read_bytes()).hexdigest():
                fail("firmware in flash")
    print("ok   a plan starts nothing")


def check_form(program):
    words = machine_words({"firmware": "fw-give-64k.fd", "vcpus": 2}, "sev-snp-guest", "")
    got = plan(program, words)
    if got["type"] != "sev-snp-guest" or got["depends-on-host"] or not got["cpuid-page"]:
        fail(f"the plan's form: {list(got)}")
    first = got["operations"][0]
    firmware = find_file("fw-give-64k.fd").read_bytes()
    if first["sha384"] != hashlib.sha384(firmware).hexdigest() or not first["data"].endswith("fw-give-64k.fd"):
        fail(f"the first operation: {first}")
    slow = [word + ",secure-tsc=on,tsc-frequency=2000000000" if word.startswith("sev-snp-guest") else word for word in words]
    if plan(program, slow)["vmsas"][0]["nonzero"]["0x3b0"] != "0102000000000000":
        fail("secure-tsc=on is not in the save area")
    if not plan(program, [word if word != "EPYC-v4" else "host" for word in words])["depends-on-host"]:
        fail("-cpu host depends on the host")
    print("ok   the form of plans")


def machine(kind, rest):
    """A guest of this kind and whatever contradicts it."""
    return f"-object {kind} -machine q35,confidential-guest-support=cc0{rest} -launch-plan -"


SNP, SEV_ES, TD = "sev-snp-guest,id=cc0,reduced-phys-bits=1", "sev-guest,id=cc0,reduced-phys-bits=1,policy=5", "tdx-guest,id=cc0"
# One line, which names both sides.
CONFLICTS = [
    (machine(SNP, ",smm=on -bios {fw}"), "smm=on contradicts cc0"),
    (machine(SEV_ES, ",smm=on -bios {fw}"), "smm=on contradicts cc0"),
    (machine(TD, ",smm=on -cpu host -bios {fw}"), "smm=on contradicts cc0"),
    (machine(SNP, " -drive if=pflash,format=raw,readonly=on,file={fw}"), "contradicts cc0"),
    (machine(TD, " -cpu host -drive if=pflash,format=raw,readonly=on,file={fw}"), "contradicts cc0"),
    (machine(SEV_ES + ",legacy-vm-type=off", " -drive if=pflash,format=raw,readonly=on,file={fw}"), "contradicts cc0, whose memory cannot be read-only"),
    (machine(TD, ",kernel_irqchip=on -cpu host -bios {fw}"), "kernel_irqchip=on contradicts cc0"),
    (machine(TD, ",kernel_irqchip=off -cpu host -bios {fw}"), "kernel_irqchip=off contradicts cc0"),
    (machine(SEV_ES, ",kernel_irqchip=off -bios {fw}"), "kernel_irqchip=off contradicts cc0"),
    (machine(TD, ",pic=on -cpu host -bios {fw}"), "pic=on contradicts cc0"),
    (machine(TD, " -cpu EPYC-v4 -bios {fw}"), "-cpu EPYC-v4 contradicts cc0"),
    (machine(TD, " -cpu host,phys-bits=36,host-phys-bits=off -bios {fw}"), "36 physical address bits contradict cc0"),
    (machine(SNP, " -cpu EPYC-v4,phys-bits=32 -bios {fw}"), "32 physical address bits contradict cc0"),
    (machine(SNP, " -bios {fw} -device virtio-rng-pci,disable-legacy=off"), "protected guest's devices have the modern interface only"),
    (machine(TD, " -cpu host -bios {fw} -device virtio-rng-pci,disable-modern=on"), "protected guest's devices have the modern interface only"),
    (machine(SNP, " -bios {fw} -device virtio-rng-pci-transitional"), "the modern interface only"),
    (machine(SNP, " -m 512,slots=1,maxmem=1G -object memory-backend-ram,id=m1,size=128M -device pc-dimm,memdev=m1 -bios {fw}"), "cc0 has its memory measured"),
    ("-machine q35,pic=off", "pic=off contradicts the kernel's interrupt controllers"),
]


def check_auto(program):
    """What was left open follows from the guest without a word."""
    firmware = find_file("fw-give-64k.fd")
    lines = [machine(kind, f"{auto} -cpu {cpu} -bios {firmware} -device virtio-rng-pci{device}")
             for kind, cpu in ((SNP, "EPYC-v4"), (SEV_ES, "EPYC-v4"), (TD, "host"))
             for auto in ("", ",smm=auto,pic=auto,vmport=auto", ",smm=off,kernel_irqchip=split") for device in ("", ",disable-legacy=auto", ",iommu_platform=on,disable-legacy=on")]
    for line in lines + [machine(TD, f",pic=off -cpu host -bios {firmware}")]:
        done = run(program, line.split() + ["-m", "512", "-display", "none"])
        if done.returncode != 0 or done.stderr:
            fail(f"{line}: status {done.returncode}, {done.stderr!r}")
    print(f"ok   {len(lines) + 1} command lines leave it open")


REFUSED = CONFLICTS + [
    ("-launch-plan -", "no guest whose launch is measured"),
    ("-expect-measurement 00", "96 hexadecimal digits"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=1 -machine q35,confidential-guest-support=cc0 -launch-plan -", "add -bios"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=0 -machine q35,confidential-guest-support=cc0 -bios {fw} -launch-plan -", "range of 1 to 63"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=1,policy=1 -machine q35,confidential-guest-support=cc0 -bios {fw} -launch-plan -", "bit 17"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=1,host-data=AAAA -machine q35,confidential-guest-support=cc0 -bios {fw} -launch-plan -", "host-data"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=1,id-block=!! -machine q35,confidential-guest-support=cc0 -bios {fw} -launch-plan -", "base64"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=1,kernel-hashes=on -machine q35,confidential-guest-support=cc0 -bios {nohash} -kernel {kernel} -launch-plan -",
     "no hashes table GUID"),
    ("-object sev-guest,id=cc0,reduced-phys-bits=1,debug-swap=on -machine q35,confidential-guest-support=cc0 -bios {fw} -launch-plan -", "SEV-ES"),
    ("-object sev-guest,id=cc0,reduced-phys-bits=1,session-file=/nowhere -machine q35,confidential-guest-support=cc0 -bios {fw} -launch-plan -", "session-file"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=1 -machine q35,confidential-guest-support=cc0,kernel_irqchip=off -bios {fw} -launch-plan -", "kernel_irqchip=off"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=1,certs-path=/nowhere -machine q35,confidential-guest-support=cc0 -bios {fw} -launch-plan -", "certs-path"),
    ("-object sev-snp-guest,id=cc0,reduced-phys-bits=1 -machine q35,confidential-guest-support=cc0 -m 8 -bios {fw} -launch-plan -", "may be too small"),
]


def check_refused(program):
    files = {"fw": find_file("fw-give-64k.fd"), "nohash": find_file("fw-give-nohash-64k.fd"), "kernel": find_file("kernel-give.bin")}
    for line, words in REFUSED:
        done = run(program, line.format(**files).split() + ["-display", "none"])
        lines = done.stderr.strip().splitlines()
        if done.returncode != 1 or len(lines) != 1 or words not in lines[0]:
            fail(f"{line}: status {done.returncode}, {done.stderr!r}, expected one line with {words!r}")
    print(f"ok   {len(REFUSED)} command lines are refused")


def main():
    program = sys.argv[1]
    check_form(program)
    check_vectors(program)
    check_igvm(program)
    check_igvm_of_sev(program)
    check_vcpus(program)
    check_sev_vcpus(program)
    check_starts_nothing(program)
    check_refused(program)
    check_auto(program)


if __name__ == "__main__":
    main()
