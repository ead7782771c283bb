// Package attack floods the real program as strangers can, with requests that need no
// account, and looks at what others notice: until when a revoked token is accepted, which
// honest sign-ins succeed, how much disk, memory and processor time it costs. It prints the
// figures. The tests are behind the build tag attack; everything stays on loopback and ends
// by itself.
//
// MCPKEEP_ATTACK_FOR is how long the floods of registrations and sign-ins last, 35s by default; with
// it the other floods run on both engines. MCPKEEP_ATTACK_HONEST is how many honest clients come in
// the middle of it, 10 by default.
package attack
