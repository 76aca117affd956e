//! The files that people write: what is right is read, what is wrong is told with its place and what would be right.

use hemera::world::World;

#[test]
fn every_built_in_world_is_read() {
    for name in World::built_in() {
        let world = World::load(name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(&*world.name, name);
        assert!(!world.topology.hosts.is_empty());
    }
}
