//! scratch
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args[1].parse().unwrap();
    let n: u64 = args[2].parse().unwrap();
    let mut bad = 0;
    let mut kinds: std::collections::BTreeMap<String, (u64,u64,String)> = Default::default();
    for seed in from..from + n {
        let o = simulation::run(seed, simulation::Options::default());
        if n == 1 { for t in &o.traces { for l in t { println!("{l}"); } println!("-----"); } println!("{:?}", o.faults); }
        if !o.violations.is_empty() { bad += 1; }
        for v in &o.violations {
            let e = kinds.entry(v.invariant.to_string()).or_insert((0,seed,v.what.clone()));
            e.0 += 1;
            if n == 1 { println!("{} {}", v.invariant, v.what); }
        }
    }
    println!("{bad} bad of {n}");
    for (k,(c,s,w)) in kinds { println!("{k}: {c} first seed {s}: {w}"); }
}
