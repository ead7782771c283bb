package pgtest

import "syscall"

// enoughMemory is what a whole run of the tests may need, log included.
const enoughMemory = 4 << 30

// memoryDir is a folder in memory with room for a cluster, or "".
func memoryDir() string {
	const dir, tmpfs = "/dev/shm", 0x01021994
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Type != tmpfs {
		return ""
	}
	if fs.Bavail*uint64(fs.Bsize) < enoughMemory {
		return ""
	}
	return dir
}
