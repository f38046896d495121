package mask

// controlled tells whether s holds control characters other than tabs and newlines.
func controlled(s string) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		x := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		// A byte below 0x20, or above 0x7e (hasless and hasmore of "Bit Twiddling Hacks").
		const ones = 0x0101010101010101
		if ((x-0x20*ones)&^x|(x+ones)|x)&(0x80*ones) != 0 && control(b) {
			return true
		}
	}
	return control(s[i:])
}

// control is controlled for a few bytes. Half of a C1 character counts: what follows is looked at exactly.
func control(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' && c != '\n' || c == 0x7f || c == 0xc2 || c == 0xe2 {
			return true
		}
	}
	return false
}

// sequence measures what follows an ESC and belongs to it (ECMA-48, 5.3).
func sequence(s string) int {
	if s == "" {
		return 0
	}
	switch c := s[0]; {
	case c >= 0x40 && c < 0x60:
		return 1 + rest(s[1:], c)
	case c >= 0x20 && c < 0x30:
		n := 1
		for n < len(s) && s[n] >= 0x20 && s[n] < 0x30 {
			n++
		}
		if n < len(s) && s[n] >= 0x30 && s[n] < 0x7f {
			n++
		}
		return n
	case c >= 0x30 && c < 0x7f:
		return 1
	}
	return 0
}

// rest measures what follows an introducer: the parameters of CSI, the string of OSC, DCS, SOS, PM and APC.
func rest(s string, introducer byte) int {
	switch introducer {
	case '[':
		n := 0
		for n < len(s) && s[n] >= 0x20 && s[n] < 0x40 {
			n++
		}
		if n < len(s) && s[n] >= 0x40 && s[n] < 0x7f {
			n++
		}
		return n
	case ']', 'P', 'X', '^', '_':
		for n := 0; n < len(s); n++ {
			switch {
			case s[n] == 0x07:
				return n + 1
			case s[n] == 0x1b && n+1 < len(s) && s[n+1] == '\\', s[n] == 0xc2 && n+1 < len(s) && s[n+1] == 0x9c:
				return n + 2
			}
		}
		return len(s)
	}
	return 0
}
