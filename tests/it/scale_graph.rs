//! The picture of docs/scaling.md shows what docs/scale.csv says.

use std::path::Path;

#[path = "../../benches/scale/graph.rs"]
mod graph;

#[test]
fn the_picture_of_how_galleries_grow_is_that_of_its_figures() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let read = |name: &str| std::fs::read_to_string(docs.join(name)).unwrap();
    let drawn = graph::draw(&read("scale.csv"));
    assert!(read("pictures/scale.svg") == drawn, "draw it again: cargo bench --bench scale -- --draw");
    // It follows its figures.
    let changed = read("scale.csv").replace("database,1000000,", "database,500000,");
    assert!(graph::draw(&changed) != drawn);
}
