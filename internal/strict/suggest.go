package strict

import (
	"strings"
	"unicode/utf8"
)

// Suggest gives the known word that was most likely meant, or "" when none is
// near: at most a third of the letters may differ, a swap of neighbours counts
// as one difference, and upper and lower case as none. Of equally near words
// the first wins.
func Suggest(word string, known []string) string {
	const longest = 80
	if word == "" || len(word) > longest {
		return ""
	}
	folded := fold(word)
	// A word of one letter is near to nothing.
	best, least := "", min(max(1, utf8.RuneCountInString(word)/3)+1, len(folded))
	for _, k := range known {
		if len(k) > longest {
			continue
		}
		if d := distance(folded, fold(k)); d < least {
			best, least = k, d
		}
	}
	if best == word {
		return ""
	}
	return best
}

func fold(s string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(s), "-", "_"))
}

// distance is the number of single edits (insert, delete, replace, swap
// neighbours) between two words: optimal string alignment.
func distance(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
