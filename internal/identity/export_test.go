package identity

// DefaultAPI is for tests: no fake can listen where it points to.
var DefaultAPI = defaultAPI
