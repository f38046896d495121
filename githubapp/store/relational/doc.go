// Package relational is the store over database/sql: the statements that SQLite
// and Postgres share. The packages sqlite and postgres open the database, bring
// its tables up to date and say where the two differ.
//
// It opens nothing, knows no driver and keeps no state in memory: several
// processes may use one database.
package relational
