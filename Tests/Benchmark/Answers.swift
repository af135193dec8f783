import Foundation
import LosslessJSON
import RancherSimulator
import Synchronization

/// Sends events and waits for their answers, without asking the server for them again and again.
final class Answers: Sendable {
    /// An answer and how long it took from the writing of the event.
    struct Answer: Sendable {
        let published: Published
        let took: Duration
    }

    private struct State {
        var sent: [String: ContinuousClock.Instant] = [:]
        var answered: [String: Answer] = [:]
        var waiters: [String: CheckedContinuation<Answer, Never>] = [:]
    }

    private let server: RancherServer
    private let state = Mutex(State())

    init(_ server: RancherServer) { self.server = server }

    /// Takes the answers in while the body runs. If that takes longer than ten minutes an answer is missing, and the
    /// whole program ends with an error.
    func listening(_ body: () async throws -> Void) async throws {
        let observations = server.observations(limit: 1_000_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.take(observations) }
            group.addTask {
                try await Task.sleep(for: .seconds(600))
                print("no answer to \(self.state.withLock { $0.sent.count }) events in ten minutes")
                exit(1)
            }
            defer { group.cancelAll() }
            try await body()
        }
    }

    private func take(_ observations: AsyncStream<Observation>) async {
        for await observation in observations {
            guard case .published(let published) = observation, published.isFinal, let id = published.eventID else {
                continue
            }
            let (waiter, answer) = state.withLock { state in
                let start = state.sent.removeValue(forKey: id) ?? published.arrival
                let answer = Answer(published: published, took: published.arrival - start)
                let waiter = state.waiters.removeValue(forKey: id)
                if waiter == nil { state.answered[id] = answer }
                return (waiter, answer)
            }
            waiter?.resume(returning: answer)
        }
    }

    func send(_ event: JSON) throws {
        let id = event["id"].text ?? ""
        state.withLock { $0.sent[id] = .now }
        guard server.send(event: event) else { throw SimulatorError.wrongState("nobody is subscribed") }
    }

    func answer(to event: JSON) async -> Answer {
        let id = event["id"].text ?? ""
        return await withCheckedContinuation { continuation in
            let there = state.withLock { state in
                let there = state.answered.removeValue(forKey: id)
                if there == nil { state.waiters[id] = continuation }
                return there
            }
            if let there { continuation.resume(returning: there) }
        }
    }

    /// - Throws: ``SimulatorError/wrongState(_:)`` with the answer's text if that is an error.
    @discardableResult
    func ask(_ event: JSON) async throws -> Answer {
        try send(event)
        let answer = await answer(to: event)
        if let failure = answer.published.failure {
            throw SimulatorError.wrongState("\(event["name"].text ?? "") was answered with \(failure)")
        }
        return answer
    }
}
