//! Who gets an image from whom: a plain state machine, told what happened and asked what to start.
//!
//! Inside a site each host takes the image from the host before it, which may still be receiving it. Into a site it comes
//! once: to its first host, from the origin or from a host of another site, whichever passes it on to fewer. A transfer
//! that breaks is started again from somebody else; a host that keeps failing is given up, and whoever hung on it hangs on
//! another.

use serde::Deserialize;

/// How often a host may fail before it is given up.
const ATTEMPTS: u32 = 6;

/// Who passes an image on to how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Everybody to one: the fastest where the hosts' links are the limit.
    #[default]
    Chain,
    /// Everybody to two: fewer hops, for very many hosts.
    Tree,
    /// One to all, as plain copies would be: to compare with.
    Copies,
    /// As TakTuk does it, where it is installed on this machine; what that does not bring goes as in a chain.
    TakTuk,
}

impl Shape {
    /// The word for it in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Chain => "chain",
            Self::Tree => "tree",
            Self::Copies => "copies",
            Self::TakTuk => "taktuk",
        }
    }

    /// To how many hosts of its own site, and of others, one passes an image on at the same time.
    const fn fan_out(self) -> usize {
        match self {
            Self::Chain | Self::TakTuk => 1,
            Self::Tree => 2,
            Self::Copies => usize::MAX,
        }
    }
}

/// Whom a host takes an image from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The machine that has it from the beginning.
    Origin,
    /// The host of that number.
    Host(usize),
}

/// What is known of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody knows yet whether it has the image.
    Unknown,
    /// It lacks the image, and nothing is under way.
    Lacks,
    /// It receives it.
    Receives(Source),
    /// It has it.
    Has,
    /// It was given up.
    Failed,
}

#[derive(Debug, Clone)]
struct Host {
    site: usize,
    state: State,
    failures: u32,
    /// Whom it tried in vain, the latest last.
    avoids: Vec<Source>,
}

/// Who has an image, who lacks it, who is getting it from whom.
#[derive(Debug, Clone)]
pub struct Plan {
    shape: Shape,
    origin: bool,
    hosts: Vec<Host>,
}

impl Plan {
    /// No host yet; `origin`: whether a machine has the image that is none of the hosts.
    pub fn new(shape: Shape, origin: bool) -> Self {
        Self { shape, origin, hosts: Vec::new() }
    }

    /// A host of that site joins; its number.
    pub fn join(&mut self, site: usize) -> usize {
        self.hosts.push(Host { site, state: State::Unknown, failures: 0, avoids: Vec::new() });
        self.hosts.len() - 1
    }

    /// What is known of a host.
    pub fn state(&self, host: usize) -> State {
        self.hosts[host].state
    }

    /// A host has the image: it was there, or has arrived.
    pub fn has(&mut self, host: usize) {
        self.hosts[host].state = State::Has;
    }

    /// A host lacks the image.
    pub fn lacks(&mut self, host: usize) {
        self.hosts[host].state = State::Lacks;
    }

    /// A host is to be asked whether it has the image.
    pub fn asks(&mut self, host: usize) {
        self.hosts[host].state = State::Unknown;
    }

    /// The hosts that lack the image and of which nothing went wrong yet.
    pub fn untried(&self) -> Vec<usize> {
        let untried = |host: &usize| self.hosts[*host].state == State::Lacks && self.hosts[*host].failures == 0;
        (0..self.hosts.len()).filter(untried).collect()
    }

    /// A host is sent the image by somebody else than the plan, from the origin.
    pub fn is_sent(&mut self, host: usize) {
        self.hosts[host].state = State::Receives(Source::Origin);
    }

    /// What a host was doing broke. The hosts whose transfers are to be ended, as it was given up: they go on from others.
    pub fn broke(&mut self, host: usize) -> Vec<usize> {
        let it = &mut self.hosts[host];
        if let State::Receives(source) = it.state {
            it.avoids.push(source);
        }
        it.failures += 1;
        it.state = State::Lacks;
        if it.failures < ATTEMPTS { Vec::new() } else { self.give_up(host) }
    }

    /// Gives a host up, or forgets one that nobody asks for any more. The hosts whose transfers are to be ended.
    pub fn give_up(&mut self, host: usize) -> Vec<usize> {
        self.hosts[host].state = State::Failed;
        let hung: Vec<usize> = self.receivers(Source::Host(host)).collect();
        for &one in &hung {
            self.hosts[one].state = State::Lacks;
        }
        hung
    }

    /// Tries a host that was given up anew.
    pub fn again(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        it.failures = 0;
        it.avoids.clear();
        it.state = State::Lacks;
    }

    /// The transfers to be started now: who takes it from whom. They count as started. Hosts that are `held` wait.
    pub fn due(&mut self, held: &[usize]) -> Vec<(usize, Source)> {
        let mut started = Vec::new();
        for host in 0..self.hosts.len() {
            if self.hosts[host].state == State::Lacks
                && !held.contains(&host)
                && let Some(source) = self.source(host)
            {
                self.hosts[host].state = State::Receives(source);
                started.push((host, source));
            }
        }
        started
    }

    /// The hosts that receive from a source now.
    fn receivers(&self, source: Source) -> impl Iterator<Item = usize> {
        (0..self.hosts.len()).filter(move |&host| self.hosts[host].state == State::Receives(source))
    }

    /// Whom a host is to take the image from now; none where it has to wait for somebody.
    fn source(&self, host: usize) -> Option<Source> {
        let site = self.hosts[host].site;
        let passes = |from: usize| matches!(self.hosts[from].state, State::Has | State::Receives(_));
        let able: Vec<usize> =
            (0..self.hosts.len()).filter(|&from| from != host && passes(from) && !self.hangs_on(from, host)).collect();
        if self.shape == Shape::Copies {
            let first = able.iter().copied().find(|&from| self.hosts[from].state == State::Has);
            return if self.origin { Some(Source::Origin) } else { first.map(Source::Host) };
        }
        let own: Vec<usize> = able.iter().copied().filter(|&from| self.hosts[from].site == site).collect();
        let untried = |from: &&usize| !self.hosts[host].avoids.contains(&Source::Host(**from));
        // Somebody of the site who was not tried in vain; else anybody, as what broke once may hold now.
        let tiers = if own.iter().any(|from| untried(&from)) {
            vec![own.into_iter().filter(|from| untried(&from)).map(Source::Host).collect()]
        } else {
            let others = able.iter().copied().filter(|&from| self.hosts[from].site != site);
            let afar: Vec<Source> =
                self.origin.then_some(Source::Origin).into_iter().chain(others.map(Source::Host)).collect();
            let fresh = afar.iter().copied().filter(|from| !self.hosts[host].avoids.contains(from)).collect();
            vec![fresh, own.into_iter().map(Source::Host).collect(), afar]
        };
        let near = |from: &Source| matches!(from, Source::Host(from) if self.hosts[*from].site == site);
        // To how many of the same kind, of its own site or not, a source passes it on already.
        let busy = |from: &Source| {
            let kind = near(from);
            let alike = |to: usize| match *from {
                Source::Origin => true,
                Source::Host(from) => (self.hosts[to].site == self.hosts[from].site) == kind,
            };
            self.receivers(*from).filter(|&to| alike(to)).count()
        };
        for tier in tiers {
            let free = tier.into_iter().filter(|from| busy(from) < self.shape.fan_out());
            if let Some(best) = free.min_by_key(|from| (self.blame(*from), self.depth(*from), busy(from))) {
                return Some(best);
            }
        }
        None
    }

    /// Whether a host gets what it gets, over however many others, from `ancestor`.
    fn hangs_on(&self, host: usize, ancestor: usize) -> bool {
        let mut at = host;
        while let State::Receives(Source::Host(from)) = self.hosts[at].state {
            if from == ancestor {
                return true;
            }
            at = from;
        }
        false
    }

    /// How many hosts tried a source in vain.
    fn blame(&self, source: Source) -> usize {
        self.hosts.iter().filter(|host| host.avoids.contains(&source)).count()
    }

    /// How many hops the image comes before it is at a source.
    fn depth(&self, source: Source) -> usize {
        let (mut at, mut hops) = (source, 0);
        while let Source::Host(host) = at {
            let State::Receives(from) = self.hosts[host].state else { break };
            at = from;
            hops += 1;
        }
        hops
    }
}

#[cfg(test)]
mod tests;
