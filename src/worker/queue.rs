//! A queue that takes clients in turn.

use std::collections::VecDeque;

/// Jobs of several clients. The clients take turns, one job a turn, each client's jobs in the order in which they came:
/// a client's first job waits for one job of each other client at most, however many those have.
pub(super) struct FairQueue<C, T> {
    /// In the order of their turns; each has at least one job, with its ticket.
    clients: VecDeque<(C, VecDeque<(u64, T)>)>,
    len: usize,
    next_ticket: u64,
}

impl<C, T> Default for FairQueue<C, T> {
    fn default() -> Self {
        Self { clients: VecDeque::new(), len: 0, next_ticket: 0 }
    }
}

impl<C: Copy + Eq, T> FairQueue<C, T> {
    /// Jobs of all clients.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a job. Its ticket takes it out again.
    pub(super) fn push(&mut self, client: C, job: T) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.len += 1;
        match self.clients.iter_mut().find(|(other, _)| *other == client) {
            Some((_, jobs)) => jobs.push_back((ticket, job)),
            None => self.clients.push_back((client, VecDeque::from([(ticket, job)]))),
        }
        ticket
    }

    /// The first job of the client whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (client, mut jobs) = self.clients.pop_front()?;
        let (_, job) = jobs.pop_front()?;
        self.len -= 1;
        if !jobs.is_empty() {
            self.clients.push_back((client, jobs));
        }
        Some(job)
    }

    /// Takes a job out, if it still waits.
    pub(super) fn remove(&mut self, ticket: u64) -> Option<T> {
        // Tickets increase along a client's jobs.
        let of_client =
            |jobs: &VecDeque<(u64, T)>| jobs.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok();
        let mut clients = self.clients.iter().enumerate();
        let (index, place) = clients.find_map(|(index, (_, jobs))| Some((index, of_client(jobs)?)))?;
        self.take(index, place)
    }

    /// Whether [`FairQueue::displace`] would make room for `client`.
    pub(super) fn can_displace(&self, client: C) -> bool {
        self.longest(client).is_some()
    }

    /// Makes room for a job of `client` in a full queue: takes out the newest job of the client with the most, if that one
    /// would still have as many as `client` then has.
    pub(super) fn displace(&mut self, client: C) -> Option<T> {
        let index = self.longest(client)?;
        let newest = self.clients.get(index)?.1.len().checked_sub(1)?;
        self.take(index, newest)
    }

    /// Where the client with the most jobs is, if it has more than `client` would have with one more.
    fn longest(&self, client: C) -> Option<usize> {
        let own = self.clients.iter().find(|(other, _)| *other == client).map_or(0, |(_, jobs)| jobs.len());
        let (index, (_, jobs)) = self.clients.iter().enumerate().max_by_key(|(_, (_, jobs))| jobs.len())?;
        (jobs.len() > own + 1).then_some(index)
    }

    fn take(&mut self, index: usize, place: usize) -> Option<T> {
        let (_, jobs) = self.clients.get_mut(index)?;
        let (_, job) = jobs.remove(place)?;
        let done = jobs.is_empty();
        self.len -= 1;
        if done {
            self.clients.remove(index);
        }
        Some(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each client's jobs are its letter and a number.
    fn queue(jobs: &[&'static str]) -> (FairQueue<char, &'static str>, Vec<u64>) {
        let mut queue = FairQueue::default();
        let tickets = jobs.iter().map(|job| queue.push(job.chars().next().unwrap(), *job)).collect();
        (queue, tickets)
    }

    fn rest(mut queue: FairQueue<char, &'static str>) -> Vec<&'static str> {
        let len = queue.len();
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!((len, queue.len(), queue.is_empty()), (rest.len(), 0, true));
        rest
    }

    #[test]
    fn clients_take_turns_and_each_ones_jobs_keep_their_order() {
        let (queue, _) = queue(&["a1", "a2", "a3", "b1", "c1", "b2", "a4"]);
        assert_eq!(rest(queue), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
    }

    #[test]
    fn a_first_photo_does_not_wait_for_twenty_of_another_client() {
        let (mut queue, _) = queue(&["a"; 20]);
        assert_eq!(queue.pop(), Some("a"));
        queue.push('b', "b1");
        queue.push('b', "b2");
        let rest = rest(queue);
        assert_eq!(rest[..5], ["a", "b1", "a", "b2", "a"]);
        assert_eq!(rest.len(), 21);
    }

    #[test]
    fn a_client_whose_jobs_are_done_queues_up_behind_the_others() {
        let (mut queue, _) = queue(&["a1", "b1", "b2"]);
        assert_eq!(queue.pop(), Some("a1"));
        queue.push('a', "a2");
        assert_eq!(rest(queue), ["b1", "a2", "b2"]);
    }

    #[test]
    fn a_job_is_taken_out_by_its_ticket_once() {
        let (mut queue, tickets) = queue(&["a1", "b1", "a2", "c1"]);
        assert_eq!(queue.remove(tickets[2]), Some("a2"));
        assert_eq!(queue.remove(tickets[2]), None);
        assert_eq!(queue.remove(tickets[1]), Some("b1"));
        assert_eq!(queue.remove(99), None);
        assert_eq!(rest(queue), ["a1", "c1"]);
    }

    #[test]
    fn the_newest_job_of_the_client_with_most_makes_room_for_who_has_less() {
        let (mut queue, _) = queue(&["a1", "b1", "a2", "a3", "b2"]);
        assert!(!queue.can_displace('a'), "nobody has more");
        assert_eq!(queue.displace('c'), Some("a3"));
        queue.push('c', "c1");
        assert!(!queue.can_displace('b') && !queue.can_displace('c'), "two against one and a new one");
        assert_eq!(queue.displace('c'), None);
        assert!(queue.displace('d').is_some(), "whose first it is");
        assert_eq!(queue.len(), 4);
        assert!(!FairQueue::<char, ()>::default().can_displace('a'));
    }
}
