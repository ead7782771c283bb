// Package histories checks that the storage steps of several processes are linearizable: each
// acts as if it happened in one moment between its call and its return, while processes and
// databases are killed. The model of the contract is in model.go; porcupine compares it with
// histories. The runs need the build tag chaos.
package histories
