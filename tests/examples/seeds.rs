//! scratch
#![allow(clippy::disallowed_methods)]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args[1].parse().unwrap();
    let n: u64 = args[2].parse().unwrap();
    if args.len() > 3 && args[3] == "all" {
        for (b, name) in shared::breakage::Breakage::ALL {
            let t = std::time::Instant::now();
            let s = simulation::sweep::sweep(simulation::sweep::Sweep{from, seeds: n, threads: 2, breakage: Some(b)});
            println!("{name}: {:?} after {} seeds ({:.0}s)", s.failed.iter().next().map(|(k,o)| (k, o.violations[0].clone())), s.seeds, t.elapsed().as_secs_f64());
        }
        return;
    }
    let mut bad = 0;
    let mut kinds: std::collections::BTreeMap<String, (u64,u64,String)> = Default::default();
    if n > 1 {
        let t = std::time::Instant::now();
        let s = simulation::sweep::sweep(simulation::sweep::Sweep{from, seeds: n, threads: 2, breakage: None});
        for (seed, o) in &s.failed { bad += 1; for v in &o.violations { let e = kinds.entry(v.invariant.to_string()).or_insert((0,*seed,v.what.clone())); e.0+=1; } }
        println!("{bad} bad of {n} {:.0}s", t.elapsed().as_secs_f64());
        for (k,(c,s,w)) in kinds { println!("{k}: {c} first seed {s}: {w}"); }
        return;
    }
    for seed in from..from + n {
        let b = args.get(3).and_then(|n| shared::breakage::Breakage::ALL.iter().find(|(_, name)| name == n)).map(|(b, _)| *b);
        let o = simulation::run(seed, simulation::Options { breakage: b, ..simulation::Options::default() });
        for t in &o.traces { for l in t { println!("{l}"); } println!("-----"); } println!("{:?}", o.faults);
        for v in &o.violations { println!("{} {}", v.invariant, v.what); }
    }
}
