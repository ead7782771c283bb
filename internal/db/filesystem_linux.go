package db

import "syscall"

// fileSystems are those that matter, by the magic numbers of statfs(2).
var fileSystems = map[int64]struct {
	name          string
	lost, network bool
}{
	0x01021994: {name: "tmpfs", lost: true},
	0x858458f6: {name: "ramfs", lost: true},
	0x794c7630: {name: "overlayfs", lost: true}, // a container's own layer
	0x61756673: {name: "aufs", lost: true},
	0x6969:     {name: "nfs", network: true},
	0x517b:     {name: "smb", network: true},
	0xff534d42: {name: "cifs", network: true},
	0xfe534d42: {name: "smb2", network: true},
	0x01021997: {name: "9p", network: true},
	0x65735546: {name: "fuse", network: true}, // a bucket, most often
	0x00c36400: {name: "ceph", network: true},
	0x5346414f: {name: "afs", network: true},
}

// fileSystem says what a folder is on.
func fileSystem(folder string) (name string, lost, network bool) {
	var stat syscall.Statfs_t
	if syscall.Statfs(folder, &stat) != nil {
		return "", false, false
	}
	// The number has 32 bits; where the field is signed it may be negative.
	known := fileSystems[int64(stat.Type)&0xffffffff] //nolint:unconvert // its type differs between architectures
	return known.name, known.lost, known.network
}

// sameFileSystem reports whether two folders are on one file system.
func sameFileSystem(a, b string) bool {
	var first, second syscall.Stat_t
	return syscall.Stat(a, &first) == nil && syscall.Stat(b, &second) == nil && first.Dev == second.Dev
}
