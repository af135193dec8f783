import Model
import NIOCore
import NIOPosix
import Reconciler
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

    @Test("wakes its consumer for an input, for a poke and for a cancellation")
    func waking() async {
        let queue = InputQueue(limit: 10, byteLimit: 1 << 20)
        async let input = queue.take(atMost: 10)
        queue.push(.tick)
        #expect(await input == [.tick])
        async let poked = queue.take(atMost: 10)
        queue.poke()
        #expect(await poked == [])
        let consumer = Task { await queue.take(atMost: 10) }
        consumer.cancel()
        #expect(await consumer.value == [])
    }
}
