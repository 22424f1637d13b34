# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # what a case says of itself is for ../table.sh
# Java: com.sun.net.httpserver asked by java.net.http.HttpClient (selectors) and by plain sockets, datagrams, a name, a child.
program="Java's HttpServer and HttpClient"
needs='javac:default-jdk-headless'
seconds=120
version() { java -version 2>&1; }
setup() {
    cat >All.java <<'END_OF_FILE'
import com.sun.net.httpserver.HttpServer;
import java.net.*;
import java.net.http.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class All {
    static HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    static String ask(String host, String path) throws Exception {
        var request = HttpRequest.newBuilder(URI.create("http://" + host + ":8000" + path)).build();
        return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    public static void main(String[] words) {
        try {
            all();
        } catch (Exception e) {
            System.out.println(e);
            System.exit(1); // the server's threads would go on
        }
    }

    static void all() throws Exception {
        var server = HttpServer.create(new InetSocketAddress("::", 8000), 10);
        server.createContext("/", exchange -> {
            byte[] text = ("served " + exchange.getRequestURI()).getBytes();
            exchange.sendResponseHeaders(200, text.length);
            exchange.getResponseBody().write(text);
            exchange.close();
        });
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
        for (var host : List.of("127.0.0.1", "[::1]", "localhost"))
            System.out.println(host + " " + ask(host, "/"));
        var many = IntStream.range(0, 40).parallel().mapToObj(i -> {
            try {
                return ask("127.0.0.1", "/many");
            } catch (Exception e) {
                return e.toString();
            }
        }).collect(Collectors.toSet());
        System.out.println(many);
        System.out.println(new String(new URL("http://127.0.0.1:8000/url").openStream().readAllBytes()));
        try (var refused = new Socket("127.0.0.1", 8009)) {
        } catch (ConnectException e) {
            System.out.println(e.getMessage());
        }
        try (var to = new DatagramSocket(0, InetAddress.getByName("127.0.0.1")); var from = new DatagramSocket()) {
            from.send(new DatagramPacket("datagram".getBytes(), 8, to.getLocalSocketAddress()));
            var packet = new DatagramPacket(new byte[20], 20);
            to.receive(packet);
            System.out.println(new String(packet.getData(), 0, packet.getLength()) + " from " + packet.getAddress());
        }
        var child = new ProcessBuilder("sh", "-c", "cat; exit 3").redirectErrorStream(true).start();
        child.getOutputStream().write("child".getBytes());
        child.getOutputStream().close();
        System.out.println(new String(child.getInputStream().readAllBytes()) + " " + child.waitFor());
        server.stop(0);
        System.exit(0);
    }
}
END_OF_FILE
    javac All.java
}
run() { java -Xshare:auto -XX:TieredStopAtLevel=1 All; }
shows='^127.0.0.1 served /'
refusing='deny_to = [ "127.0.0.1:8000/tcp" ];'
refused_status=1
refused_shows='^java.net.ConnectException'
