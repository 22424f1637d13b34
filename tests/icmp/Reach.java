// SPDX-License-Identifier: MIT
// InetAddress.isReachable, which opens a raw ICMP socket and, where that is refused, tries TCP port 7 in silence.
//
//     java Reach.java MILLISECONDS ADDRESS...
//
// A refused connection counts as reachable, so only a host that drops TCP tells which of the two it was.
import java.net.InetAddress;
import java.net.NetworkInterface;

public class Reach {
    public static void main(String[] arguments) throws Exception {
        int limit = Integer.parseInt(arguments[0]);
        for (int i = 1; i < arguments.length; i++) {
            InetAddress address = InetAddress.getByName(arguments[i]);
            boolean plain = address.isReachable(limit);
            boolean near = address.isReachable(null, 2, limit); // with a TTL of 2 only routers are reached
            System.out.println(arguments[i] + " " + plain + " ttl 2: " + near);
        }
    }
}
