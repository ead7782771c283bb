// Package cache answers the two questions that every request asks, what an
// access token stands for and who a client is, from memory for a fraction of a
// second after the database has answered them. It is a storage.Store in front of
// another one: what this process revokes, deletes or changes it forgets at once,
// and what another process does is felt when the fraction has passed.
package cache
