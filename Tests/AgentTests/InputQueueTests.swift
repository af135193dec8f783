import Foundation
import Model
import NIOCore
import NIOPosix
import Reconciler
import Synchronization
import Testing

@testable import Agent

@Suite("The input queue")
struct InputQueueTests {
    @Test("gives out what was put in, in order and in portions")
    func order() async {
        let queue = InputQueue(limit: 100, byteLimit: 1 << 20)
        for number in 0..<10 { #expect(queue.offer(.delivered(eventID: "\(number)"))) }
        let first = await queue.take(atMost: 4)
        let rest = await queue.take(atMost: 100)
        #expect(first + rest == (0..<10).map { Input.delivered(eventID: "\($0)") })
    }

    @Test("lets news that nobody waits for come with what follows, in order, or some time later alone")
    func patience() async throws {
        let queue = InputQueue(limit: 100, byteLimit: 1 << 20)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let start = ContinuousClock.now
        try await eventLoop.submit { queue.pushPatiently(.delivered(eventID: "1")) }.get()
        queue.push(.tick)
        #expect(await queue.take(atMost: 100) == [.delivered(eventID: "1"), .tick])
        try await eventLoop.submit { queue.pushPatiently(.delivered(eventID: "2")) }.get()
        #expect(await queue.take(atMost: 100) == [.delivered(eventID: "2")])
        // It came by itself, and not at once: the timer of the first one may have been the one that brought it.
        #expect(ContinuousClock.now - start >= .milliseconds(150))
        // A crowd does not wait.
        let crowd = (0..<16).map { Input.delivered(eventID: "\($0)") }
        try await eventLoop.submit { for input in crowd { queue.pushPatiently(input) } }.get()
        let before = ContinuousClock.now
        #expect(await queue.take(atMost: 100) == crowd)
        #expect(ContinuousClock.now - before < .milliseconds(150))
    }

    @Test("turns events away when it is full, and still takes the outcome of work")
    func full() async {
        let queue = InputQueue(limit: 2, byteLimit: 1 << 20)
        #expect(queue.offer(.tick))
        #expect(queue.offer(.tick))
        #expect(!queue.offer(.serverReached))
        queue.push(.engineLost)
        #expect(await queue.take(atMost: 100) == [.tick, .tick, .engineLost])
        #expect(queue.offer(.serverReached))
    }

    @Test("says that it has turned events away, as often as it takes them, and then no more")
    func refusals() async {
        let queue = InputQueue(limit: 2, byteLimit: 100)
        let header = EventHeader(id: "1", name: "x", replyTo: "r", resourceID: nil, resourceType: nil)
        let long = EventHeader(
            id: "1", name: String(repeating: "x", count: 300), replyTo: "r", resourceID: nil, resourceType: nil)
        #expect(!queue.offerRefusal(of: long, "full"))
        for _ in 0..<2 { #expect(queue.offer(.tick)) }
        for _ in 0..<2 { #expect(queue.offerRefusal(of: header, "full")) }
        #expect(!queue.offerRefusal(of: header, "full"))
        // What must not be lost never is.
        queue.push(.engineLost)
        #expect(await queue.take(atMost: 100).count == 5)
        #expect(queue.offerRefusal(of: header, "full"))
    }

    @Test("turns events away when their frames are too long together, until some were taken out")
    func bytes() async {
        let queue = InputQueue(limit: 100, byteLimit: 10)
        func frame(_ length: Int) -> Input {
            .malformedFrame(frame: String(repeating: "x", count: length), reason: "")
        }
        func event(_ length: Int) -> Input {
            let header = EventHeader(id: "1", name: "x", replyTo: nil, resourceID: nil, resourceType: nil)
            let text = String(repeating: "x", count: length)
            return .event(IncomingEvent(header: header, request: .unusable(reason: ""), frame: text))
        }
        #expect(!queue.offer(frame(11)))
        #expect(queue.offer(event(4)))
        #expect(queue.offer(frame(6)))
        #expect(!queue.offer(frame(1)))
        #expect(!queue.offer(event(1)))
        // What is no frame has room.
        #expect(queue.offer(.tick))
        #expect(await queue.take(atMost: 1) == [event(4)])
        #expect(!queue.offer(frame(5)))
        #expect(queue.offer(frame(4)))
        #expect(await queue.take(atMost: 100) == [frame(6), .tick, frame(4)])
        #expect(queue.offer(frame(10)))
    }

    @Test("keeps only the newest word of a piece of work, and gives it out before its outcome")
    func progress() async {
        let queue = InputQueue(limit: 1, byteLimit: 1 << 20)
        let work = WorkID(7)
        for number in 0..<1000 { queue.report(work, "layer \(number)") }
        queue.push(.outcome(work, .removed))
        #expect(await queue.take(atMost: 100) == [.progress(work, text: "layer 999"), .outcome(work, .removed)])
        #expect(queue.offer(.tick))
    }

    @Test("wakes its consumer for an input and for a poke, and keeps none that is cancelled already")
    func waking() async {
        let queue = InputQueue(limit: 10, byteLimit: 1 << 20)
        async let input = queue.take(atMost: 10)
        queue.push(.tick)
        #expect(await input == [.tick])
        async let poked = queue.take(atMost: 10)
        queue.poke()
        #expect(await poked == [])
        let consumer = Task {
            try? await Task.sleep(for: .seconds(60))
            return await queue.take(atMost: 10)
        }
        consumer.cancel()
        #expect(await consumer.value == [])
    }

    /// Runs tasks on a loop, and notes from which threads they are woken.
    private final class Noting: TaskExecutor {
        private let loop: any EventLoop
        let wakers = Mutex<[pthread_t]>([])

        init(_ loop: any EventLoop) { self.loop = loop }

        func enqueue(_ job: consuming ExecutorJob) {
            wakers.withLock { $0.append(pthread_self()) }
            let job = UnownedJob(job)
            let executor = asUnownedTaskExecutor()
            loop.execute { job.runSynchronously(on: executor) }
        }
    }

    private actor Taker {
        private nonisolated let executor: any SerialExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        init(_ loop: any EventLoop) { executor = loop.executor }

        func take(from queue: InputQueue, _ count: Int, preferring preference: Noting) async -> [Input] {
            await withTaskExecutorPreference(preference) {
                var taken: [Input] = []
                while taken.count < count { taken += await queue.take(atMost: 10) }
                return taken
            }
        }
    }

    @Test("wakes its consumer from the thread of whoever puts in, and no other thread in between")
    func direct() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (taking, putting) = (group.next(), group.next())
        let queue = InputQueue(limit: 100, byteLimit: 1 << 20)
        let preference = Noting(taking)
        let taker = Taker(taking)
        let count = 20
        async let taken = taker.take(from: queue, count, preferring: preference)
        let thread = try await putting.submit { pthread_self() }.get()
        for _ in 0..<count {
            // Waits for the consumer to wait.
            try await taking.scheduleTask(in: .milliseconds(2)) {}.futureResult.get()
            try await putting.submit { queue.push(.tick) }.get()
        }
        #expect(await taken.count == count)
        let wakers = preference.wakers.withLock(\.self)
        // The way in and the way out are others'.
        #expect(wakers.count { $0 == thread } > count / 2)
        #expect(wakers.count { $0 != thread } <= 2)
        try await group.shutdownGracefully()
    }
}
