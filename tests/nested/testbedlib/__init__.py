"""The testbed: an emulated machine with a KVM that knows protected VMs. See docs/testbed.md."""
