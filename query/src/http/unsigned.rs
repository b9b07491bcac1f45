//! Room for bodies that have to be here before it can be told who sent them: those of signed webhooks.
//!
//! It is apart from the room of senders who have shown a key, and each address has no more than a share of it. So whoever
//! sends large bodies slowly, and signs none of them, keeps only themselves waiting.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connections::network;

/// The room of a server.
#[derive(Debug)]
pub(crate) struct UnsignedRoom {
    /// Places for KiB.
    all: Arc<Semaphore>,
    /// Places that one address has of them.
    share: usize,
    /// The places of the addresses that hold any or wait for some.
    by_address: Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>,
}

/// Room that is taken until this is dropped.
#[derive(Debug)]
pub(super) struct UnsignedPlace {
    // Given back before it is asked whether anybody else needs the share.
    _places: [OwnedSemaphorePermit; 2],
    _share: Share,
}

/// The places of one address, forgotten when nobody uses them any more.
#[derive(Debug)]
struct Share {
    address: IpAddr,
    places: Option<Arc<Semaphore>>,
    by_address: Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>,
}

impl UnsignedRoom {
    /// So many bytes, and so many of them for one address.
    pub(crate) fn new(bytes: usize, share_bytes: usize) -> Self {
        let places = |bytes: usize| bytes / 1024 + 1;
        let share = places(share_bytes);
        UnsignedRoom {
            all: Arc::new(Semaphore::new(places(bytes).max(share))),
            share,
            by_address: Arc::default(),
        }
    }

    /// Waits until so many bytes from there may be taken in.
    pub(super) async fn take(&self, address: IpAddr, num_bytes: usize) -> Option<UnsignedPlace> {
        let share = self.share_of(network(address));
        let places = u32::try_from((num_bytes / 1024 + 1).min(self.share)).unwrap_or(u32::MAX);
        // No semaphore is ever closed.
        let own = Arc::clone(share.places.as_ref()?).acquire_many_owned(places).await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_many_owned(places).await.ok()?;
        Some(UnsignedPlace { _places: [own, of_all], _share: share })
    }

    fn share_of(&self, address: IpAddr) -> Share {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let places = by_address.entry(address).or_insert_with(|| Arc::new(Semaphore::new(self.share)));
        Share { address, places: Some(Arc::clone(places)), by_address: Arc::clone(&self.by_address) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        self.places = None;
        if by_address.get(&self.address).is_some_and(|places| Arc::strong_count(places) == 1) {
            by_address.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn each_address_has_a_share_and_is_forgotten_afterwards() {
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let room = UnsignedRoom::new(400 * 1024, 100 * 1024);
        let take = |last, kib: usize| room.take(address(last), kib * 1024).now_or_never().flatten();
        let large = take(1, 1_000).unwrap();
        assert!(take(1, 1).is_none(), "it has its share");
        let others: Vec<_> = (2..4).map(|last| take(last, 99).unwrap()).collect();
        assert!(take(4, 99).is_some(), "others have theirs");
        let more = [take(4, 50), take(4, 20)];
        assert!(more[0].is_some() && more[1].is_some() && take(4, 50).is_none());
        assert!(take(5, 99).is_none(), "all is taken");
        drop(large);
        assert!(take(1, 1).is_some() && take(5, 99).is_some());
        drop((others, more));
        assert!(room.by_address.lock().unwrap().is_empty());
    }
}
