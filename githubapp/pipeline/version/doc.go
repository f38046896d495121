// Package version gives the version of what a commit makes and the image tags of
// it: semantic versions out of git tags, and templates such as "${branch}" or
// "pr-${pr}" that become OCI tags.
// It knows neither git nor registries: facts come in as values, texts go out.
package version
