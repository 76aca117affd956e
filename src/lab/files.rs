//! The world and the workflow that a lab writes for its users.

use std::fmt::Write as _;
use std::path::Path;

use super::guest::{CMDLINE, IMAGE, MEMORY_MIB};
use super::{Debian, Guest, Plan, Record, debian};

/// The world file. The guest's disk image is found there by its name, and `program` is the `hemera` that switches its
/// hosts.
pub fn world(plan: &Plan, record: &Record, guest: &Guest, program: &Path) -> String {
    let mut text = format!("# Lab {}, written by `hemera lab up`.\nname = \"lab{}\"\n", plan.number, plan.number);
    text += "platform = \"libvirt\"\n";
    for site in &plan.sites {
        let _ = write!(text, "\n[[cluster]]\nsite = \"{}\"\nname = \"{}\"\nhosts = [\n", site.name, site.cluster);
        for host in &site.hosts {
            let (name, uri, address) = (&host.name, host.uri(), host.address);
            let reached = format!("uri = \"{uri}\", migrate = \"tcp://{address}\", ssh = \"root@{address}\"");
            let _ = writeln!(text, "    {{ name = \"{name}\", {reached} }},");
        }
        text += "]\nnic = \"10 Gbit/s\"\ndisk = \"500 MB/s\"\n";
        let _ = writeln!(text, "ssh_config = {}", toml::Value::from(record.ssh_config().display().to_string()));
        let _ = writeln!(text, "subnet = \"{}\"", site.subnet());
    }
    let images = toml::Value::from(guest.dir.display().to_string());
    let _ = write!(text, "\n[images]\ndirectories = [{images}]\n");
    text += "\n[power]\n";
    let (program, dir) = (program.display().to_string(), record.dir.display().to_string());
    let words =
        |task: &[&str]| toml::Value::from([&[program.as_str(), "lab"], task, &["{host}", "--dir", &dir]].concat());
    for power in ["on", "off", "reboot"] {
        let _ = writeln!(text, "{power} = {}", words(&["power", power]));
    }
    let _ = writeln!(text, "restart_libvirtd = {}", words(&["restart-libvirtd"]));
    if let Some(shape) = plan.shape {
        for (a, b) in plan.pairs() {
            let (a, b) = (plan.sites[a].name, plan.sites[b].name);
            let _ = write!(
                text,
                "\n[[link]]\nbetween = [\"{a}\", \"{b}\"]\nbandwidth = \"{}\"\nlatency = \"{}\"\n",
                shape.rate_text(),
                shape.delay_text()
            );
        }
    }
    text
}

/// The workflow file: a class of small VMs, booted, put under load where they take it, moved crosswise and destroyed.
/// Beside it are a class of the same ones that boot a disk image, and, where its image was built, two of Debian, whose VMs
/// the lab's key opens; those of the second are reached by SSH alone.
pub fn workflow(plan: &Plan, record: &Record, guest: &Guest, debian: Option<(&Debian, &str)>) -> String {
    let (kernel, initrd) = (guest.kernel(), guest.initrd());
    let count = plan.hosts().count() * 2;
    let (stress, stop) = if guest.stress {
        let load = "cpu = \"10 %\", dirty_rate = \"1 MB/s\", working_set = \"10 %\"";
        (
            format!("[[step]]\nstress = {{ select = \"class:tiny\", {load} }}\n\n"),
            "[[step]]\nstop-stress = { select = \"class:tiny\" }\n\n",
        )
    } else {
        (String::new(), "")
    };
    let reached = "network = \"hemera\"\nready = \"reachable\"\n";
    let debian = debian.map_or_else(String::new, |(image, key)| self::debian(image, key, &record.ssh_config()));
    format!(
        "# VMs of lab {}, written by `hemera lab up`.\nname = \"lab\"\n\n[vm.tiny]\nvcpus = 1\n\
         memory = \"{MEMORY_MIB} MiB\"\nkernel = \"{}\"\ninitrd = \"{}\"\ncmdline = \"{CMDLINE}\"\n\
         {reached}\n[vm.tiny-disk]\nvcpus = 1\nmemory = \"{MEMORY_MIB} MiB\"\nimage = \"{IMAGE}\"\n{reached}{debian}\n\
         [limits]\nboot_per_host = 2\nmigrate_total = 4\n\n\
         [[step]]\nboot = {{ class = \"tiny\", count = {count}, name = \"tiny-{{n}}\" }}\n\n\
         {stress}[[step]]\nmigrate = {{ select = \"class:tiny\", pattern = \"crossed\" }}\n\n{stop}\
         [[step]]\ndestroy = {{ select = \"class:tiny\" }}\n",
        plan.number,
        kernel.display(),
        initrd.display()
    )
}

/// The classes of VMs that boot the disk image: with its agent, and without, as most images are.
fn debian(image: &Debian, key: &str, config: &Path) -> String {
    let (disk, memory, patience) = (image.disk(), debian::MEMORY_MIB, debian::PATIENCE_MIN);
    let class = |name: &str| {
        format!(
            "\n[vm.{name}]\nvcpus = 1\nmemory = \"{memory} MiB\"\nimage = \"{}\"\nnetwork = \"hemera\"\n\
             ready = \"reachable\"\npatience = \"{patience} min\"\nssh_key = \"{}\"\n",
            disk.display(),
            key.trim()
        )
    };
    let config = toml::Value::from(config.display().to_string());
    let ssh = format!("agent = false\nssh = \"root\"\nssh_config = {config}\n");
    class("debian") + &class("debian-ssh") + &ssh
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::PowerAction;
    use crate::image::Strategy;
    use crate::workflow::Workflow;
    use crate::world::World;

    #[test]
    fn what_is_written_can_be_read() {
        let plan = Plan::new(4, 3, 2, 256, Some("1 Gbit/s,10 ms".parse().unwrap()));
        let guest = |stress| Guest { dir: "/var/cache/hemera/lab/guest".into(), stress };
        let record = Record {
            number: 4,
            dir: "/tmp/a \"lab\"".into(),
            made: Vec::new(),
            process: 1,
            sites: 3,
            hosts: 2,
            vms: 256,
            shape: plan.shape,
            disk: None,
            kvm: false,
            uses: Vec::new(),
        };
        let read =
            World::parse(&world(&plan, &record, &guest(true), Path::new("/usr/bin/hemera")), "world.toml").unwrap();
        assert_eq!((read.topology.hosts.len(), read.topology.links.len()), (6, 3));
        let off = read.power.command(PowerAction::Off, "paradoxe-1.rennes").unwrap();
        assert_eq!(off.join(" "), "/usr/bin/hemera lab power off paradoxe-1.rennes --dir /tmp/a \"lab\"");
        assert_eq!(read.images.strategy, Strategy::Copy);
        assert_eq!(read.images.catalogue.directories, [guest(true).dir]);
        let debian = Debian { dir: "/var/cache/hemera/lab/debian".into() };
        let key = "ssh-ed25519 AAAA lab4\n";
        for (stress, debian, classes, steps) in [(false, None, 2, 3), (true, Some((&debian, key)), 4, 5)] {
            let read = Workflow::parse(&workflow(&plan, &record, &guest(stress), debian), "workflow.toml").unwrap();
            assert_eq!((read.classes.len(), read.steps.len()), (classes, steps));
            if debian.is_some() {
                assert_eq!(read.classes[2].ssh_key.as_deref(), Some("ssh-ed25519 AAAA lab4"));
                assert_eq!(read.classes[2].patience, Some(std::time::Duration::from_mins(10)));
                let ssh = read.classes[3].ssh.clone().unwrap();
                assert_eq!((read.classes[2].agent, read.classes[3].agent), (true, false));
                assert_eq!((ssh.user.as_str(), ssh.config), ("root", Some("/tmp/a \"lab\"/ssh/config".into())));
            }
        }
    }
}
