// Package mask replaces secret values in text by three asterisks.
//
// A Masker holds the plain values and the forms in which programs commonly print them (base64, JSON, URL, XML, shell,
// hexadecimal and others, see Encoders); overlapping and adjacent matches become one "***".
// A Writer masks a stream line by line and holds back only what may still become a match.
// The package never logs, never stores and never shortens values: a one-letter secret masks that letter everywhere.
package mask
