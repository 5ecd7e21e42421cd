package workspace
import ("testing";"fmt";"rapport/internal/strict";"os")
func TestProbe(t *testing.T){
 dir := os.Getenv("PROBE"); if dir=="" {t.Skip()}
 w, f := Load(dir, nil)
 for _, x := range f { fmt.Print(strict.Render(x,false)) }
 fmt.Println(len(f), len(w.Campaigns), len(w.Segments), w.Templates)
}
