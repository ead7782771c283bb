// Package image builds the container image and looks at what comes out, reading it with nothing
// of the program that writes it. It unpacks the root file system and has bubblewrap run it as
// Cloud Run does, and buildah make the image of the Dockerfile. The tests are behind the build
// tag image.
package image
