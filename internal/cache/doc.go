// Package cache is a storage.Store in front of another one. For a fraction of a second, it
// answers from memory the two questions that every request asks: what an access token
// stands for and who a client is. Changes by this process take effect immediately, changes
// by other processes when the cached answer expires.
package cache
