"""XML of what is plugged into a domain, and room for it."""


def write(domain, name, text):
    path = f'{domain.images}/{name}.xml'
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def disk_xml(domain, target='vdb', bus='virtio', name='plugged.raw'):
    path = f'{domain.images}/{name}'
    domain.make_image(path)
    return f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{path}'/><target dev='{target}' bus='{bus}'/></disk>"


NIC = "<interface type='user'><mac address='52:54:00:aa:bb:cc'/><model type='virtio'/></interface>"
RNG = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"
PORT = "    <controller type='pci' model='pcie-root-port'/>\n"
SPARE = ('    <memballoon', "    <controller type='pci' index='0' model='pcie-root'/>\n" + 8 * PORT + '    <memballoon')
