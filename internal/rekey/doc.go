// Package rekey re-encrypts values that use old keys, retires those keys, and reports which
// keys exist and what they encrypt. It works on the encrypted columns and does not know what
// they mean.
package rekey
