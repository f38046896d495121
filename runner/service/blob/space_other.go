//go:build !unix

package blob

func noSpace(err error) error { return err }
