//! Connection slots, shared fairly between addresses.
//!
//! The number of slots is bounded, yet every connection is accepted at once. When all slots are taken, the address that
//! holds the most gives one up, preferably an idle one: one that has not sent a request yet, or none since its last
//! answer. A client that opens thousands of connections thus only closes its own, however slowly it sends, and
//! everybody else is still served.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::AbortHandle;

/// The connections of a server. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    places: usize,
    /// Advances with every event on any connection; tells which one has been quiet longest.
    clock: AtomicU64,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    by_number: HashMap<u64, Held>,
}

#[derive(Debug)]
struct Held {
    owner: ConnectionOwner,
    activity: Arc<Activity>,
    /// Ends the connection; `None` while it is being accepted.
    task: Option<AbortHandle>,
}

/// Whom a connection belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ConnectionOwner {
    /// A client, or its IPv6 network.
    Client(IpAddr),
    /// A trusted proxy that has not said yet which client this is for. Until then the connection counts as an owner of
    /// its own: the proxy will say so at once, and some clients' connections must not be closed because of others'.
    Unknown(u64),
}

/// Whether an answer is pending on a connection, and since when.
#[derive(Debug, Default)]
struct Activity {
    num_requests: AtomicU64,
    since: AtomicU64,
}

/// One connection's slot, given back on drop.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Connections,
    number: u64,
    activity: Arc<Activity>,
}

/// An answer in progress; it ends on drop.
#[derive(Debug)]
pub(super) struct Answering {
    connections: Connections,
    activity: Arc<Activity>,
}

impl Connections {
    pub(super) fn new(places: usize) -> Self {
        let inner = Inner { places: places.max(1), clock: AtomicU64::new(0), open: Mutex::default() };
        Connections { inner: Arc::new(inner) }
    }

    /// A slot for a connection from this address, which may be a trusted proxy; if all are taken, another connection
    /// ends to make room. `None` if every connection is waiting for an answer and nobody would hold more than the
    /// newcomer.
    pub(super) fn place(&self, address: IpAddr, is_proxy: bool) -> Option<ConnectionPermit> {
        let activity = Arc::new(Activity::default());
        activity.since.store(self.tick(), Ordering::Relaxed);
        let mut open = self.lock();
        let number = open.next;
        let owner = if is_proxy {
            ConnectionOwner::Unknown(number)
        } else {
            ConnectionOwner::Client(network(address))
        };
        if open.by_number.len() >= self.inner.places {
            let victim = victim(&open.by_number, owner)?;
            if let Some(task) = open.by_number.remove(&victim).and_then(|held| held.task) {
                task.abort();
            }
        }
        open.next += 1;
        open.by_number.insert(number, Held { owner, activity: Arc::clone(&activity), task: None });
        Some(ConnectionPermit { connections: self.clone(), number, activity })
    }

    /// Records which task serves a connection.
    pub(super) fn served_by(&self, number: u64, task: AbortHandle) {
        match self.lock().by_number.get_mut(&number) {
            Some(held) => held.task = Some(task),
            None => task.abort(), // it already had to give up its slot, or has ended
        }
    }

    fn tick(&self) -> u64 {
        self.inner.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection to end for one from `newcomer`.
fn victim(open: &HashMap<u64, Held>, newcomer: ConnectionOwner) -> Option<u64> {
    let mut counts: HashMap<ConnectionOwner, usize> = HashMap::new();
    for held in open.values() {
        *counts.entry(held.owner).or_default() += 1;
    }
    let own = counts.get(&newcomer).copied().unwrap_or(0);
    let most = counts.values().copied().max()?;
    let among = |wanted: &dyn Fn(&Held) -> bool| {
        let wanted = open.iter().filter(|(_, held)| wanted(held));
        wanted.min_by_key(|(_, held)| held.activity.since.load(Ordering::Relaxed)).map(|(number, _)| *number)
    };
    let holds_most = |held: &Held| counts.get(&held.owner) == Some(&most);
    let is_quiet = |held: &Held| held.activity.num_requests.load(Ordering::Relaxed) == 0;
    if most > own + 1 {
        return among(&|held| holds_most(held) && is_quiet(held)).or_else(|| among(&holds_most));
    }
    // Nobody would hold more than the newcomer: take a quiet one of its own, else anyone's.
    among(&|held| held.owner == newcomer && is_quiet(held)).or_else(|| among(&is_quiet))
}

impl ConnectionPermit {
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Records a request from this client. Connections that a proxy keeps open count as its client's.
    pub(super) fn answering(&self, client: IpAddr) -> Answering {
        if let Some(held) = self.connections.lock().by_number.get_mut(&self.number) {
            held.owner = ConnectionOwner::Client(network(client));
        }
        self.activity.num_requests.fetch_add(1, Ordering::Relaxed);
        self.activity.since.store(self.connections.tick(), Ordering::Relaxed);
        Answering { connections: self.connections.clone(), activity: Arc::clone(&self.activity) }
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connections.lock().by_number.remove(&self.number);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.activity.num_requests.fetch_sub(1, Ordering::Relaxed);
        self.activity.since.store(self.connections.tick(), Ordering::Relaxed);
    }
}

/// For IPv6, the network that one customer gets; otherwise the address.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn is_open(place: &ConnectionPermit) -> bool {
        place.connections.lock().by_number.contains_key(&place.number)
    }

    #[test]
    fn the_client_with_the_most_connections_loses_its_quietest() {
        let connections = Connections::new(4);
        let greedy: Vec<_> = (0..4).map(|_| connections.place(address(1), false).unwrap()).collect();
        let _answering = greedy[0].answering(address(1));
        let other = connections.place(address(2), false).unwrap();
        assert_eq!(greedy.iter().map(is_open).collect::<Vec<_>>(), [true, false, true, true]);
        let more = connections.place(address(1), false).unwrap();
        assert_eq!(greedy.iter().map(is_open).collect::<Vec<_>>(), [true, false, false, true]);
        assert!(is_open(&other) && is_open(&more));
        assert_eq!(connections.lock().by_number.len(), 4);
        drop(greedy);
        assert_eq!(connections.lock().by_number.len(), 2);
    }

    #[test]
    fn also_what_is_slow_gives_way_to_others_but_not_to_its_own() {
        let connections = Connections::new(2);
        let slow: Vec<_> = (0..2).map(|_| connections.place(address(1), false).unwrap()).collect();
        let answers: Vec<_> = slow.iter().map(|place| place.answering(address(1))).collect();
        assert!(connections.place(address(1), false).is_none());
        let other = connections.place(address(2), false).unwrap();
        assert_eq!(slow.iter().map(is_open).collect::<Vec<_>>(), [false, true]);
        let _answer = other.answering(address(2));
        assert!(connections.place(address(3), false).is_none(), "both wait for an answer");
        drop(answers);
        let third = connections.place(address(3), false).unwrap();
        assert!(is_open(&third) && is_open(&other) && !is_open(&slow[1]));
    }

    #[test]
    fn what_a_proxy_keeps_open_counts_as_its_clients() {
        let connections = Connections::new(4);
        let proxys: Vec<_> = (0..4).map(|_| connections.place(address(1), true).unwrap()).collect();
        let clients = [2, 3, 3, 3];
        let _answers: Vec<_> =
            proxys.iter().zip(clients).map(|(place, client)| place.answering(address(client))).collect();
        let _other = connections.place(address(1), true).unwrap();
        assert_eq!(proxys.iter().map(is_open).collect::<Vec<_>>(), [true, false, true, true]);
    }

    #[test]
    fn a_connection_that_its_proxy_has_not_attributed_counts_for_itself() {
        let connections = Connections::new(8);
        let greedy: Vec<_> = (0..8).map(|_| connections.place(address(1), true).unwrap()).collect();
        let _answers: Vec<_> = greedy.iter().map(|place| place.answering(address(2))).collect();
        let others: Vec<_> = (0..5).map(|_| connections.place(address(1), true).unwrap()).collect();
        assert!(others.iter().all(is_open) && greedy.iter().filter(|place| is_open(place)).count() == 3);
        // An owner with a single connection keeps it, and so does one that has not identified itself yet.
        let _answer = others[0].answering(address(3));
        let more: Vec<_> = (0..2).map(|_| connections.place(address(1), true).unwrap()).collect();
        assert!(others.iter().chain(&more).all(is_open));
        assert_eq!(greedy.iter().filter(|place| is_open(place)).count(), 1);
    }

    #[test]
    fn neighbours_in_an_ipv6_network_share() {
        let [a, b, c] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|text| network(text.parse().unwrap()));
        assert!(a == b && b != c);
        assert_eq!(network("::ffff:192.0.2.1".parse().unwrap()), address(1));
    }
}
