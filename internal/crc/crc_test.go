package crc

import (
	"math/rand/v2"
	"testing"
)

var all = map[string]*CRC{"CRC-32C": Castagnoli, "CRC-32": IEEE, "CRC-64/NVME": NVME}

// Sums of parts of all sizes, put together, are the sum of the whole.
func TestJoin(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for name, c := range all {
		for range 200 {
			content := make([]byte, r.IntN(50_000))
			for i := range content {
				content[i] = byte(r.Uint32())
			}
			at := r.IntN(len(content) + 1)
			a, b, whole := c.Update(0, content[:at]), c.Update(0, content[at:]), c.Update(0, content)
			if got := c.Join(a, b, int64(len(content)-at)); got != whole {
				t.Fatalf("%s of %d bytes in two at %d is %x, want %x", name, len(content), at, got, whole)
			}
			if got := JoinCastagnoli(uint32(a), uint32(b), int64(len(content)-at)); c == Castagnoli && uint64(got) != whole {
				t.Fatalf("JoinCastagnoli of %d bytes in two at %d is %x, want %x", len(content), at, got, whole)
			}
		}
	}
}

// The known check values, of the text "123456789".
func TestCheckValues(t *testing.T) {
	for c, want := range map[*CRC]uint64{Castagnoli: 0xe3069283, IEEE: 0xcbf43926, NVME: 0xae8b14860a799888} {
		if got := c.Update(0, []byte("123456789")); got != want {
			t.Errorf("%x, want %x", got, want)
		}
	}
}

// Lengths that no test can read shift as they should: x^(8·2^40) is x^8 squared 40 times, and shifts add up.
func TestLongShifts(t *testing.T) {
	for name, c := range all {
		want := c.Shift(1)
		for range 40 {
			want = c.multiply(want, want)
		}
		if got := c.Shift(1 << 40); got != want {
			t.Errorf("%s: 2^40 bytes shift by %x, want %x", name, got, want)
		}
		if got, want := c.Shift(1<<62+12345), c.multiply(c.Shift(1<<62), c.Shift(12345)); got != want {
			t.Errorf("%s: 2^62 and 12345 bytes shift by %x, want %x", name, got, want)
		}
	}
}

func BenchmarkShift(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Castagnoli.Shift(8<<20 - 1)
	}
}
