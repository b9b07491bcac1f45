//! Room for request bodies that must be read before their sender is known: those of signed webhooks.
//!
//! It is separate from the room of senders with a key, and each address only gets a share of it. Someone who sends
//! large unsigned bodies slowly thus delays only themselves.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connections::network;

/// A server's room.
#[derive(Debug)]
pub(crate) struct UnsignedRoom {
    /// Permits, one per KiB.
    all: Arc<Semaphore>,
    /// How many of them one address may hold.
    share: usize,
    /// The permits of the addresses that hold or await some.
    by_address: Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>,
}

/// Room that is held until dropped.
#[derive(Debug)]
pub(super) struct UnsignedPlace {
    // Released before checking whether anyone else still needs the share.
    _places: [OwnedSemaphorePermit; 2],
    _share: Share,
}

/// One address's permits, forgotten once nobody uses them.
#[derive(Debug)]
struct Share {
    address: IpAddr,
    places: Option<Arc<Semaphore>>,
    by_address: Arc<Mutex<HashMap<IpAddr, Arc<Semaphore>>>>,
}

impl UnsignedRoom {
    /// Room for this many bytes in total, and this many for one address.
    pub(crate) fn new(bytes: usize, share_bytes: usize) -> Self {
        let places = |bytes: usize| bytes / 1024 + 1;
        let share = places(share_bytes);
        UnsignedRoom {
            all: Arc::new(Semaphore::new(places(bytes).max(share))),
            share,
            by_address: Arc::default(),
        }
    }

    /// Waits until this many bytes from this address may be read.
    pub(super) async fn take(&self, address: IpAddr, num_bytes: usize) -> Option<UnsignedPlace> {
        let share = self.share_of(network(address));
        let places = u32::try_from((num_bytes / 1024 + 1).min(self.share)).unwrap_or(u32::MAX);
        // These semaphores are never closed.
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
        assert!(take(4, 99).is_some(), "others have their own share");
        let more = [take(4, 50), take(4, 20)];
        assert!(more[0].is_some() && more[1].is_some() && take(4, 50).is_none());
        assert!(take(5, 99).is_none(), "all is taken");
        drop(large);
        assert!(take(1, 1).is_some() && take(5, 99).is_some());
        drop((others, more));
        assert!(room.by_address.lock().unwrap().is_empty());
    }
}
