package delivery

import (
	"fmt"
	"os"
	"sync"
	"time"

	"rapport/internal/delivery/mime"
	"rapport/internal/workspace"
)

// signers holds the DKIM keys of senders, read once from their files.
type signers struct {
	mu    sync.Mutex
	known map[workspace.DKIM]mime.Signer
}

// of gives the signer of a sender; nil where the sender has no key.
func (s *signers) of(dkim *workspace.DKIM, now func() time.Time) (mime.Signer, error) {
	if dkim == nil {
		return nil, nil
	}
	d := *dkim
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.known[d]; found != nil {
		return found, nil
	}
	pem, err := os.ReadFile(d.Key)
	if err != nil {
		return nil, fmt.Errorf("the DKIM key of %s cannot be read: %w", d.Domain, err)
	}
	key, err := mime.ParseKey(pem)
	if err != nil {
		return nil, fmt.Errorf("the DKIM key of %s in %s: %w", d.Domain, d.Key, err)
	}
	signer, err := mime.NewSigner(mime.DKIM{Domain: d.Domain, Selector: d.Selector, Key: key, Now: now})
	if err != nil {
		return nil, err
	}
	if s.known == nil {
		s.known = map[workspace.DKIM]mime.Signer{}
	}
	s.known[d] = signer
	return signer, nil
}
