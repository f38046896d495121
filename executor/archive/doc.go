// Package archive packs folders into tar streams and unpacks tar streams that
// nobody vouches for.
//
// Unpack works inside one os.Root: no entry and no link of the stream can make
// it write outside. Names that are absolute or hold "..", devices, pipes and
// hard links to outside are refused, set-user-id bits are dropped, and limits
// stop a stream that never ends. The package never follows a link that leaves
// the folder, neither in nor out, and never compresses.
package archive
