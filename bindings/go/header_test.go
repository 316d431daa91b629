package datastreams

import (
	"encoding/base64"
	"testing"
	"time"
)

// header is that of a pathway that started a minute ago.
func header(t testing.TB) (Pathway, []byte) {
	t.Helper()
	start := time.Now().Add(-time.Minute).UnixMilli()
	raw := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	for _, ms := range []int64{start, start + 1500} {
		for v := uint64(ms) << 1; ; v >>= 7 {
			if v < 0x80 {
				raw = append(raw, byte(v))
				break
			}
			raw = append(raw, byte(v)|0x80)
		}
	}
	p, err := Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if p.GetHash() != 0x0807060504030201 || p.PathwayStart().UnixMilli() != start || p.EdgeStart().UnixMilli() != start+1500 {
		t.Fatalf("%x, %v, %v", p.GetHash(), p.PathwayStart(), p.EdgeStart())
	}
	return p, raw
}

func TestEncodeAndDecodeAreInverse(t *testing.T) {
	p, raw := header(t)
	if got := p.Encode(); string(got) != string(raw) {
		t.Errorf("%x is not %x", got, raw)
	}
	text := base64.StdEncoding.EncodeToString(raw)
	if got := p.EncodeStr(); got != text {
		t.Errorf("%s is not %s", got, text)
	}
	if got := p.AppendHeader([]byte("x")); string(got) != "x"+text {
		t.Errorf("%s is not x%s", got, text)
	}
	if again, err := DecodeStr(text); err != nil || again != p {
		t.Errorf("%v, %v", again, err)
	}
	if again, err := Decode([]byte(text)); err != nil || again != p { // text under the key of the binary form
		t.Errorf("%v, %v", again, err)
	}
}

func TestWhatIsNoHeaderIsAnError(t *testing.T) {
	for _, bad := range []string{"", "x", "not a pathway at all", "AAAAAAAAAAA=", string(make([]byte, 1<<20))} {
		if p, err := DecodeStr(bad); err != ErrHeader || !p.IsZero() {
			t.Errorf("%.20q: %v, %v", bad, p, err)
		}
	}
	if p, err := Decode(nil); err != ErrHeader || !p.IsZero() {
		t.Errorf("nil: %v, %v", p, err)
	}
}

func TestMergeChoosesOne(t *testing.T) {
	p, _ := header(t)
	if Merge(nil) != (Pathway{}) || Merge([]Pathway{{}, {}}) != (Pathway{}) {
		t.Error("a pathway out of nothing")
	}
	if Merge([]Pathway{{}, p, {}}) != p {
		t.Error("not the only one")
	}
}

// FuzzDecode: no header panics, and what is read is written again as it was read.
func FuzzDecode(f *testing.F) {
	_, raw := header(f)
	f.Add(raw)
	f.Add([]byte(base64.StdEncoding.EncodeToString(raw)))
	f.Add([]byte(base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString(raw)))))
	f.Add([]byte("dd-pathway-ctx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		given := string(data)
		p, err := Decode(data)
		if string(data) != given {
			t.Fatal("the header was changed")
		}
		if err != nil {
			if !p.IsZero() {
				t.Fatalf("%v with an error", p)
			}
			return
		}
		for _, again := range [][]byte{p.Encode(), []byte(p.EncodeStr())} {
			if q, err := Decode(again); err != nil || q != p {
				t.Fatalf("%v became %v, %v", p, q, err)
			}
		}
	})
}
